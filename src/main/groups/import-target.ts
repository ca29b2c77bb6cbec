import { STREAM_ARN } from '../../api/formats.ts';
import { parseGroup, type KinesisConsumerGroup } from '../../api/group.ts';
import type { ImportSpec } from '../../api/import-spec.ts';
import type { clusterOptions } from '../../cli/cluster-options.ts';
import type { importOptions } from '../../cli/import.ts';
import { pickGroup, requireOneSource } from '../../cli/leases.ts';
import { readGroups } from '../../dev/group-file.ts';
import { KcgError } from '../../lib/errors.ts';
import type { OptionValues } from '../../lib/options.ts';
import { readWholeGroup } from './named-group.ts';

type Options = Pick<
  OptionValues<typeof importOptions>,
  | keyof OptionValues<typeof clusterOptions>
  | 'file'
  | 'group'
  | 'table'
  | 'stream'
  | 'type'
  | 'from'
  | 'fromStream'
  | 'fromGroup'
> &
  Partial<OptionValues<typeof importOptions>> & { command?: string };

/**
 * The group to import into: a resource, a file, or what the flags say; they are in place of what its spec says.
 * @throws KcgError `InvalidInput` when that is no valid group
 */
export async function groupToImport(
  name: string | undefined,
  options: Options,
  by: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<KinesisConsumerGroup> {
  const { file, group } = options;
  requireOneSource(options.command ?? 'import', name, options);
  const given =
    name !== undefined
      ? await readWholeGroup(name, options, by)
      : file !== undefined
        ? pickGroup(file, await readGroups(file), group)
        : undefined;
  return withFlags(given, options);
}

/** The group's spec with what the flags say in place of it; checked as any other. */
function withFlags(given: KinesisConsumerGroup | undefined, options: Options): KinesisConsumerGroup {
  const { group: groupId, stream, table } = options;
  if (given === undefined && (groupId === undefined || (stream === undefined && !options.undo))) {
    throw new KcgError('InvalidInput', `${options.command ?? 'import'} needs to know the group`, {
      fix: 'Name its file (-f group.yaml) or the resource (NAME -n NAMESPACE), or --group and --stream.',
    });
  }
  const importFrom = importFromFlags(given, options);
  requirePlace(importFrom, options.command === 'compare' ? '--with' : '--from');
  const initialPosition = initialPositionOf(options.initialPosition) ?? given?.spec.initialPosition;
  const spec = given?.spec ?? {
    groupId,
    stream: STREAM_ARN.test(stream ?? '') ? { arn: stream } : { name: stream ?? 'unknown' },
    handler: { log: {} },
  };
  const checkpoints = given?.spec.checkpoints;
  const merged = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: given?.metadata ?? { name: 'import' },
    spec: {
      ...spec,
      ...(initialPosition ? { initialPosition } : {}),
      checkpoints: {
        ...checkpoints,
        ...(importFrom ? { importFrom } : {}),
        ...(table === undefined ? {} : { table: { ...checkpoints?.table, name: table } }),
      },
    },
  };
  const parsed = parseGroup(merged);
  if (parsed.outcome === 'refused') throw new KcgError('InvalidInput', parsed.problems.join('; '));
  return { ...parsed.group, status: given?.status };
}

/** In the words of the flags; the schema has words for the fields. @throws KcgError `InvalidInput` */
function requirePlace(importFrom: Partial<ImportSpec> | undefined, flag: string): void {
  const { type, table, url, processedUntil } = importFrom ?? {};
  if (type === 'EventSourceMapping') {
    // It has nothing to compare with, which is told.
    if (processedUntil !== undefined || flag === '--with') return;
    throw new KcgError('InvalidInput', 'nothing says until when the event source mapping has processed', {
      fix: 'Name the time with --processed-until 2026-11-29T08:00:00Z.',
    });
  }
  if (type === undefined || table !== undefined || url !== undefined) return;
  throw new KcgError('InvalidInput', `nothing says where the positions of ${type} are`, {
    fix: `Name the table with ${flag}.`,
  });
}

/** Undefined = no flag says anything of it. */
function importFromFlags(given: KinesisConsumerGroup | undefined, options: Options) {
  const { type, from, fromStream: stream, fromGroup: group, processedUntil, overlapSeconds } = options;
  const flags = { type, stream, group, processedUntil, overlapSeconds };
  const place = from === undefined ? {} : /^rediss?:/.test(from) ? { url: from } : { table: from };
  const said = Object.entries({ ...flags, ...place }).filter(([, value]) => value !== undefined);
  if (said.length === 0) return undefined;
  const known: Partial<ImportSpec> = given?.spec.checkpoints.importFrom ?? {};
  const { table: _, url: __, ...kept } = known;
  const base = from === undefined ? known : kept;
  // Of another program nothing in the file is said.
  return { ...(type === undefined || type === base.type ? base : {}), ...Object.fromEntries(said) };
}

function initialPositionOf(text: string | undefined) {
  if (text === undefined) return undefined;
  return text === 'TrimHorizon' || text === 'Latest'
    ? { type: text }
    : { type: 'AtTimestamp', timestamp: text };
}
