import { regionOfArn } from '../../api/arn.ts';
import {
  defaultTableName,
  groupIdOf,
  regionOf,
  rowsGroupIdOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../../api/group.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import { readGroupLeniently, readGroup } from '../../api/stored-group.ts';
import { regionFrom } from '../../aws/region-from.ts';
import type { clusterOptions } from '../../cli/cluster-options.ts';
import { requireOneChoice, type placeOptions, type selectOptions } from '../../cli/group-options.ts';
import { readGroups } from '../../dev/group-file.ts';
import { KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
import { KcgError, describeError, hasCode } from '../../lib/errors.ts';
import type { OptionValues } from '../../lib/options.ts';
import type { GroupPlace } from '../../view/group-picture.ts';
import { noSuchGroup, OR_TABLE } from './no-such-group.ts';
import { openUserCluster, type UserCluster } from './user-cluster.ts';

export type SourceOptions = OptionValues<typeof clusterOptions> &
  Partial<OptionValues<typeof selectOptions>> &
  OptionValues<typeof placeOptions>;

/** Of Kubernetes, when nobody wanted it to be asked. */
export const NOT_ASKED = 'not asked';

/** One group, before anything of it is looked at. */
export interface GroupSource {
  title: string;
  key: { namespace: string; name: string } | undefined;
  object: StoredObject | undefined;
  group: KinesisConsumerGroup | undefined;
  refused: readonly string[];
  place: GroupPlace;
  /** Why Kubernetes is not asked, or did not answer; undefined = it did. */
  withoutKubernetes: string | undefined;
}

export interface FoundGroups {
  groups: GroupSource[];
  /** Undefined = none is to be asked, or it does not answer. */
  cluster: UserCluster | undefined;
  /** For messages. */
  namespace: string | undefined;
  close(): Promise<void>;
}

export interface FindBy {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Without any name: all there are, or none is allowed. */
  all: boolean;
  verb: string;
  /** The flags that are enough without a name or a file; default `--table and --group`. */
  orElse?: string;
}

/**
 * Of which groups a command is: resources of the cluster, those of a file, or one that the flags tell of. When the API server
 * does not answer, a named group is looked for where a group of that name has its rows unless its spec says otherwise.
 * @throws KcgError `InvalidInput`, `NotFound`; what Kubernetes says, when nothing can be known without it
 */
export async function findGroups(
  names: readonly string[],
  options: SourceOptions,
  by: FindBy,
): Promise<FoundGroups> {
  const { file, table, group } = options;
  requireOneChoice(by.verb, names, options);
  const closed = { cluster: undefined, namespace: undefined, close: async () => {} };
  if (file !== undefined) return { ...closed, groups: await fromFile(file, names, options, by.env) };
  if (table !== undefined || group !== undefined) {
    if (names.length > 0) throw oneSource(by.verb, names[0]!, table === undefined ? '--group' : '--table');
    return { ...closed, groups: [fromFlags(options, by.env)] };
  }
  if (names.length === 0 && !by.all) {
    throw new KcgError('InvalidInput', `${by.verb} needs to know the group`, {
      fix: `Run kcg ${by.verb} NAME -n NAMESPACE or kcg ${by.verb} -f group.yaml, or name ${by.orElse ?? '--table and --group'}.`,
    });
  }
  return await fromCluster(names, options, by);
}

function oneSource(verb: string, name: string, other: string): KcgError {
  return new KcgError('InvalidInput', `${verb} takes the name of a resource or ${other}, not both`, {
    fix: `Leave out ${name} or ${other}.`,
  });
}

async function fromFile(
  file: string,
  names: readonly string[],
  options: SourceOptions,
  env: NodeJS.ProcessEnv,
): Promise<GroupSource[]> {
  const all = await readGroups(file);
  const wanted = [...names, ...(options.group === undefined ? [] : [options.group])];
  const isWanted = (group: KinesisConsumerGroup) =>
    wanted.length === 0 ||
    [group.metadata.name, groupIdOf(group), rowsGroupIdOf(group)].some((each) => wanted.includes(each));
  const found = all.filter(isWanted);
  if (found.length === 0) {
    throw new KcgError('InvalidInput', `${file} holds no group ${wanted.join(', ')}`, {
      fix: `It holds: ${all.map(({ metadata }) => metadata.name).join(', ')}.`,
    });
  }
  return found.map((group) => ({
    title: `${group.metadata.namespace}/${group.metadata.name}`,
    key: undefined,
    object: undefined,
    group,
    refused: [],
    place: placeOf(group, undefined, options, env),
    withoutKubernetes: `${NOT_ASKED}: the group is that of ${file}`,
  }));
}

function fromFlags(options: SourceOptions, env: NodeJS.ProcessEnv): GroupSource {
  const { group: groupId, region, kinesisEndpoint, dynamodbEndpoint } = options;
  const stream = namedStream(options);
  const table = options.table ?? defaultTableName(groupId!);
  return {
    title: groupId ?? `table ${table}`,
    key: undefined,
    object: undefined,
    group: undefined,
    refused: [],
    place: {
      groupId,
      table,
      region: region ?? regionOfArn(stream?.arn) ?? regionFrom(env),
      stream,
      kinesis: kinesisEndpoint,
      dynamodb: dynamodbEndpoint,
    },
    withoutKubernetes: `${NOT_ASKED}: --table or --group names the rows`,
  };
}

async function fromCluster(
  names: readonly string[],
  options: SourceOptions,
  by: FindBy,
): Promise<FoundGroups> {
  const session = await openUserCluster(options, { env: by.env });
  const { cluster, calls, namespace } = session;
  const found = { cluster: session, namespace, close: () => cluster.close() };
  try {
    if (names.length > 0) {
      const read = await Promise.all(
        names.map((name) => cluster.get(KINDS.consumerGroup, { namespace, name }, { signal: by.signal })),
      );
      const groups = read.map((object) => object && sourceOf(object, options, by.env));
      const lacking = names.find((_, index) => groups[index] === undefined);
      if (lacking !== undefined) throw await noSuchGroup(cluster, { namespace, name: lacking }, OR_TABLE);
      return { ...found, groups: groups.filter((each) => each !== undefined) };
    }
    const objects = await calls.select(KINDS.consumerGroup, {
      namespace: options.allNamespaces ? undefined : namespace,
      selector: options.selector,
      signal: by.signal,
    });
    return { ...found, groups: objects.map((object) => sourceOf(object, options, by.env)) };
  } catch (thrown) {
    await cluster.close();
    const isAway = hasCode(thrown, 'Unavailable', 'Timeout', 'Credentials');
    if (!isAway || names.length === 0) throw session.explain(thrown);
    const why = describeError(thrown);
    const groups = names.map((name) => guessed({ namespace, name }, why, options, by.env));
    return { groups, cluster: undefined, namespace, close: async () => {} };
  }
}

/** Also one whose spec is invalid, as far as it says where its rows are. */
export function sourceOf(object: StoredObject, options: SourceOptions, env: NodeJS.ProcessEnv): GroupSource {
  const { namespace = 'default', name } = object.metadata;
  const whole = readGroup(object);
  const lenient = readGroupLeniently(object);
  const group = lenient.outcome === 'ok' ? lenient.group : undefined;
  const status = (object.status ?? {}) as GroupStatus;
  const guess = { groupId: `${namespace}.${name}`, table: defaultTableName(`${namespace}.${name}`) };
  return {
    title: `${namespace}/${name}`,
    key: { namespace, name },
    object,
    group,
    refused: whole.outcome === 'ok' ? [] : whole.problems,
    place: group
      ? placeOf(group, status, options, env)
      : { ...guess, stream: undefined, region: regionFrom(env), kinesis: undefined, dynamodb: undefined },
    withoutKubernetes: undefined,
  };
}

function placeOf(
  group: KinesisConsumerGroup,
  status: GroupStatus | undefined,
  options: SourceOptions,
  env: NodeJS.ProcessEnv,
): GroupPlace {
  const arn = group.spec.stream.arn ?? status?.stream?.arn;
  const known = regionOfArn(arn) ?? regionOfArn(status?.table?.arn);
  return {
    groupId: rowsGroupIdOf(group),
    table: options.table ?? tableNameOf(group),
    region: options.region ?? regionOf(group, known) ?? regionFrom(env),
    stream: namedStream(options) ?? { name: streamNameOf(group), arn: group.spec.stream.arn },
    kinesis: options.kinesisEndpoint ?? group.spec.endpoints.kinesis,
    dynamodb: options.dynamodbEndpoint ?? group.spec.endpoints.dynamodb,
  };
}

/** That of `--stream`, a name or an ARN. */
function namedStream({ stream }: Pick<SourceOptions, 'stream'>): GroupPlace['stream'] {
  if (stream === undefined) return undefined;
  const isArn = stream.startsWith('arn:');
  return {
    name: isArn ? stream.slice(stream.indexOf('/') + 1) : stream,
    arn: isArn ? stream : undefined,
  };
}

/** Where a group of that name has its rows unless its spec says otherwise. */
function guessed(
  key: { namespace: string; name: string },
  why: string,
  options: SourceOptions,
  env: NodeJS.ProcessEnv,
): GroupSource {
  const groupId = `${key.namespace}.${key.name}`;
  const flags = fromFlags({ ...options, group: groupId }, env);
  const title = `${key.namespace}/${key.name}`;
  const withoutKubernetes = `${why.replace(/\.$/, '')}. Looked at table ${flags.place.table}, where a group of this name has its rows unless its spec says otherwise: name --table and --group then`;
  return { ...flags, title, key, withoutKubernetes };
}
