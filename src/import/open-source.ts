import type { GroupSpec } from '../api/group-spec.ts';
import type { ImportSpec } from '../api/import-spec.ts';
import type { StreamClient } from '../kinesis/stream-client.ts';
import type { ForeignProgram, ForeignStore } from './foreign-store.ts';
import { storeSource, timeSource, type ImportSource } from './import-source.ts';
import type { StartPosition } from './plan-import.ts';
import { readForeign } from './read-foreign.ts';

const PROGRAMS: Record<Exclude<ImportSpec['type'], 'EventSourceMapping'>, [ForeignProgram, name: string]> = {
  KCL: ['kcl', 'KCL'],
  AsyncKinesis: ['async-kinesis', 'async-kinesis'],
  VmwareGoKcl: ['vmware-go-kcl', 'vmware-go-kcl'],
  RedpandaConnect: ['redpanda-connect', 'Redpanda Connect'],
  KinesisConsumer: ['harlow', 'kinesis-consumer'],
};
const OVERLAP_SECONDS = 60;

export interface OpenSourceOptions {
  importFrom: ImportSpec;
  initialPosition: GroupSpec['initialPosition'];
  stream: Pick<StreamClient, 'describe' | 'listShards'>;
  /** Of the table or URL that `importFrom` names. */
  openStore: (from: Pick<ImportSpec, 'table' | 'url'>) => ForeignStore;
}

/** What `checkpoints.importFrom` names, ready to be looked at. */
export function openSource({
  importFrom,
  initialPosition,
  stream,
  openStore,
}: OpenSourceOptions): ImportSource {
  const { type, table, url, processedUntil, overlapSeconds = OVERLAP_SECONDS } = importFrom;
  if (type === 'EventSourceMapping') {
    const processedUntilMs = Date.parse(processedUntil!);
    const overlapMs = overlapSeconds * 1_000;
    return timeSource({ name: 'event source mapping', stream, processedUntilMs, overlapMs });
  }
  const [program, title] = PROGRAMS[type];
  return storeSource({
    name: `${title} ${table === undefined ? `in ${url}` : `table ${table}`}`,
    store: openStore(importFrom),
    read: (rows, selection) => readForeign(program, rows, selection),
    stream,
    selection: { knownAs: importFrom.stream, group: importFrom.group },
    initialPosition: startPosition(initialPosition),
  });
}

function startPosition({ type, timestamp }: GroupSpec['initialPosition']): StartPosition {
  if (type === 'TrimHorizon') return { at: 'TRIM_HORIZON' };
  if (type === 'Latest') return { at: 'LATEST' };
  return { at: 'AT_TIMESTAMP', timestampMs: Date.parse(timestamp!) };
}
