import * as z from 'zod';
import { regionOfArn } from './arn.ts';
import { DNS_LABEL, DNS_SUBDOMAIN } from './formats.ts';
import { groupSpec, type GroupSpec } from './group-spec.ts';
import { groupStatus, type GroupStatus } from './group-status.ts';
import { DOMAIN, NAME_MAX } from './labels.ts';
import { problemsOf } from './problems.ts';
import { withoutNulls, withoutUnknown } from './schema-walk.ts';

export type { GroupSpec, GroupSpecInput } from './group-spec.ts';
export type { GroupStatus } from './group-status.ts';

export const KIND = 'KinesisConsumerGroup';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${DOMAIN}/${VERSION}`;
export const PLURAL = 'kinesisconsumergroups';

const strings = z.record(z.string(), z.string());
const metadata = z.object({
  name: z
    .string()
    .min(1)
    .max(NAME_MAX)
    .regex(DNS_SUBDOMAIN, { error: 'has to be lower case letters, digits, - and ., for example orders' }),
  namespace: z
    .string()
    .max(63)
    .regex(DNS_LABEL, { error: 'has to be lower case letters, digits and -, for example shop' })
    .default('default'),
  uid: z.string().default(''),
  generation: z.number().default(0),
  resourceVersion: z.string().default(''),
  annotations: strings.default({}),
  labels: strings.default({}),
  finalizers: z.array(z.string()).default([]),
  creationTimestamp: z.string().default(''),
  deletionTimestamp: z.string().optional(),
});
export type GroupMetadata = z.output<typeof metadata>;

const group = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata,
  spec: groupSpec,
  // The status is ours and derived: one that this release cannot read is as good as none.
  status: groupStatus.optional().catch(undefined),
});

const aroundSpec = group.omit({ spec: true });

/** A valid group, defaults applied. */
export interface KinesisConsumerGroup {
  apiVersion: typeof API_VERSION;
  kind: typeof KIND;
  metadata: GroupMetadata;
  spec: GroupSpec;
  status?: GroupStatus | undefined;
}

export type ParsedGroup =
  | { outcome: 'ok'; group: KinesisConsumerGroup }
  | { outcome: 'refused'; problems: string[] };

/**
 * A KinesisConsumerGroup from YAML or the API server, checked as the API server checks it. Each problem is one line: the
 * path, what is wrong, what to write instead. A missing namespace is `default`; what only a server sets is empty.
 */
export function parseGroup(input: unknown): ParsedGroup {
  const { ignored: _, ...parsed } = checkGroup(input, { unknown: 'refused' });
  return parsed;
}

/** Both ways to look at a group; `readGroup` of `stored-group.ts` is the other. */
export function checkGroup(
  input: unknown,
  { unknown }: { unknown: 'refused' | 'left out' },
): ParsedGroup & { ignored: string[] } {
  const given = withoutNulls(group, input);
  const { value, ignored } =
    unknown === 'refused' ? { value: given, ignored: [] } : withoutUnknown(group, given);
  const parsed = group.safeParse(value);
  if (parsed.success) return { outcome: 'ok', group: parsed.data, ignored };
  return { outcome: 'refused', problems: problemsOf(group, value, parsed.error.issues), ignored };
}

type Named = Pick<KinesisConsumerGroup, 'spec'> & { metadata: Pick<GroupMetadata, 'name' | 'namespace'> };

/**
 * As `checkGroup` leaves unknown fields out, of an object whose spec is the one that `spec` was read from, and whose status that of
 * `status`, if one is given.
 */
export function checkAroundSpec(
  object: Readonly<Record<string, unknown>>,
  { spec, status }: { spec: GroupSpec; status?: GroupStatus | undefined },
): ParsedGroup & { ignored: string[] } {
  const { spec: _, ...around } = object;
  const input = status ? { ...around, status: undefined } : around;
  const { value, ignored } = withoutUnknown(aroundSpec, withoutNulls(aroundSpec, input));
  const parsed = aroundSpec.safeParse(value);
  if (!parsed.success)
    return { outcome: 'refused', problems: problemsOf(aroundSpec, value, parsed.error.issues), ignored };
  const group = { ...parsed.data, ...(status ? { status } : {}), spec };
  return { outcome: 'ok', group, ignored };
}

/** The spec's, or `<namespace>.<name>`. */
export function groupIdOf({ metadata: { namespace, name }, spec }: Named): string {
  return spec.groupId ?? `${namespace}.${name}`;
}

/** The spec's, or what `defaultTableName` makes of the group id. */
export function tableNameOf(group: Named): string {
  return group.spec.checkpoints.table.name ?? defaultTableName(groupIdOf(group));
}

/** 3–255 characters of those DynamoDB allows. Two groups that get the same name share the table, which is safe. */
export function defaultTableName(groupId: string): string {
  return `kinesis-checkpoints-${groupId.replaceAll('.', '-')}`;
}

/** The spec's, or the one in its ARN; a parsed group has exactly one of them. */
export function streamNameOf({ spec: { stream } }: Pick<KinesisConsumerGroup, 'spec'>): string {
  return stream.name ?? stream.arn!.slice(stream.arn!.indexOf('/') + 1);
}

/** Never a silent us-east-1: undefined when neither the spec, nor the ARN, nor the operator names one. */
export function regionOf(
  { spec: { region, stream } }: Pick<KinesisConsumerGroup, 'spec'>,
  operatorDefault: string | undefined,
): string | undefined {
  return region ?? regionOfArn(stream.arn) ?? operatorDefault;
}

/** Of the rows that workers use: those of a shadow are apart, so that nothing of them counts as processed. */
export function rowsGroupIdOf(group: Named): string {
  return isShadow(group) ? `${groupIdOf(group)}${SHADOW_SUFFIX}` : groupIdOf(group);
}

/** Of the id of a group, for the rows of its shadow. */
export const SHADOW_SUFFIX = '.shadow';

/** Whether workers hand records to the handler of the spec. */
export function callsHandler(group: Pick<KinesisConsumerGroup, 'spec'>): boolean {
  return !isShadow(group) || group.spec.handler.harmless;
}

export function isShadow({ spec }: Pick<KinesisConsumerGroup, 'spec'>): boolean {
  return spec.desiredState === 'Shadow';
}

export type DesiredState = KinesisConsumerGroup['spec']['desiredState'];

/** Workers are to own shards and read them. */
export function isReading({ spec }: { spec: { desiredState: DesiredState } }): boolean {
  return spec.desiredState === 'Running' || spec.desiredState === 'Shadow';
}
