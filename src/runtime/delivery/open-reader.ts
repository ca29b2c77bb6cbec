import type { WorkerConfig } from '../../api/worker-config.ts';
import { FanOutReader } from '../../kinesis/fan-out-reader.ts';
import { PollingReader, type PollingReaderOptions } from '../../kinesis/polling-reader.ts';
import type { ShardReader } from '../../kinesis/shard-reader.ts';

type ReaderConfig = Pick<WorkerConfig, 'consumerArn' | 'maxRecords' | 'pollIntervalMs'>;

/** The reader that the group asks for. Positions are the same for both, so a group can change from one to the other. */
export function openReader(
  { consumerArn, maxRecords, pollIntervalMs }: ReaderConfig,
  options: Omit<PollingReaderOptions, 'maxRecords' | 'pollIntervalMs'>,
): ShardReader {
  if (consumerArn !== undefined) return new FanOutReader({ ...options, consumerArn });
  return new PollingReader({ ...options, maxRecords, pollIntervalMs });
}
