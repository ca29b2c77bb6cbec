import { hasCode, KcgError } from '../lib/errors.ts';
import type { StreamClient } from '../kinesis/stream-client.ts';
import type {
  ForeignPositions,
  ForeignReader,
  ForeignRows,
  ForeignSelection,
  ForeignStore,
} from './foreign-store.ts';
import { planByTime } from './plan-by-time.ts';
import { planImport, type ImportPlan, type StartPosition } from './plan-import.ts';

/** What a look at another consumer's positions has found, and what would be made of it. */
export interface SourceLook {
  plan: ImportPlan;
  /** Undefined = it publishes no positions, and the plan goes by time. */
  foreign: ForeignPositions | undefined;
  rows: ForeignRows | undefined;
}

export interface ImportSource {
  /** For people: `KCL table orders-app`. */
  name: string;
  /** @throws KcgError as `ForeignStore` and `StreamClient` do */
  look(options: { signal: AbortSignal; nowMs: number }): Promise<SourceLook>;
  close(): void;
}

export interface StoreSourceOptions {
  name: string;
  store: ForeignStore;
  /** A program's reader: what its rows mean. Pure. */
  read: ForeignReader;
  stream: Pick<StreamClient, 'describe' | 'listShards'>;
  selection: Pick<ForeignSelection, 'knownAs' | 'group'>;
  initialPosition: StartPosition;
}

/** A source that keeps its positions in rows of its own. */
export function storeSource(options: StoreSourceOptions): ImportSource {
  const { name, store, read, stream, selection, initialPosition } = options;
  return {
    name,
    async look({ signal, nowMs }) {
      const [{ name: streamName, arn, createdAt }, rows, shards] = await Promise.all([
        stream.describe({ signal }),
        store.read({ signal }).catch((thrown: unknown) => Promise.reject(withoutTable(thrown, name))),
        stream.listShards({ from: 'TRIM_HORIZON' }, { signal }),
      ]);
      const foreign = read(rows, { stream: { name: streamName, arn, createdAt }, ...selection });
      return { rows, foreign, plan: planImport({ foreign, shards, initialPosition, nowMs }) };
    },
    close: () => store.close(),
  };
}

/** The words of the error are about a table of kcg's own. */
function withoutTable(thrown: unknown, name: string): unknown {
  if (!hasCode(thrown, 'NotFound') || !thrown.resource?.startsWith('table ')) return thrown;
  const fix = 'Check its name, the region and the account.';
  return new KcgError('NotFound', `there is no ${name}`, { cause: thrown, resource: thrown.resource, fix });
}

export interface TimeSourceOptions {
  name: string;
  stream: Pick<StreamClient, 'listShards'>;
  /** Ms since the epoch: everything that came before it was processed. */
  processedUntilMs: number;
  /** How much of that is read again, ms, to be safe. */
  overlapMs: number;
}

/** A source that publishes no positions, but until when it has processed everything. */
export function timeSource({ name, stream, processedUntilMs, overlapMs }: TimeSourceOptions): ImportSource {
  return {
    name,
    async look({ signal, nowMs }) {
      if (processedUntilMs > nowMs) {
        const until = new Date(processedUntilMs).toISOString();
        const refusals = [
          `processedUntil (${until}) is in the future: nothing after it can have been processed`,
        ];
        return { rows: undefined, foreign: undefined, plan: { shards: [], notes: [], refusals } };
      }
      const fromMs = Math.max(0, processedUntilMs - overlapMs);
      const [all, since] = await Promise.all([
        stream.listShards({ from: 'TRIM_HORIZON' }, { signal }),
        stream.listShards({ from: 'TIMESTAMP', timestampMs: fromMs }, { signal }),
      ]);
      return {
        rows: undefined,
        foreign: undefined,
        plan: planByTime({ all, since, fromMs, processedUntilMs }),
      };
    },
    close: () => {},
  };
}
