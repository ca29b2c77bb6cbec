import { regionOfArn } from '../../api/arn.ts';
import type { KinesisConsumerGroup } from '../../api/group.ts';
import { defaultTableName } from '../../api/group.ts';
import { parseLibraryOptions, type LibrarySpec } from '../../api/library-spec.ts';
import type { WorkerConfig } from '../../api/worker-config.ts';
import { KcgError } from '../../lib/errors.ts';
import { workerConfigOf } from '../../operator/plan/workload/worker-config-of.ts';

/** @throws KcgError `InvalidInput` with every problem, a line for each */
export function requireLibraryOptions(input: unknown): LibrarySpec {
  if (typeof input !== 'object' || input === null)
    throw new KcgError('InvalidInput', 'new Worker() takes an object with options', {
      fix: 'Write: new Worker({ groupId, stream: { name }, region, handler }).',
    });
  const parsed = parseLibraryOptions(input);
  if (parsed.outcome === 'ok') return parsed.spec;
  throw new KcgError('InvalidInput', parsed.problems.join('\n'));
}

/** @throws KcgError `InvalidInput` when nothing names a region */
export function regionOf({ region, stream }: LibrarySpec, env: NodeJS.ProcessEnv): string {
  const found = region ?? regionOfArn(stream.arn) ?? (env['AWS_REGION'] || undefined);
  if (found !== undefined) return found;
  throw new KcgError('InvalidInput', 'region: is required; set it to a string', {
    fix: 'Set region, or AWS_REGION, or name the stream by its arn.',
  });
}

/** The same that the operator gives to a pod. */
export function libraryConfig(
  spec: LibrarySpec,
  { region, consumerArn, byRecord }: { region: string; consumerArn: string | undefined; byRecord: boolean },
): WorkerConfig {
  const { groupId, stream, endpoints, table } = spec;
  const { batchSize, batchWindowSeconds, parallelizationFactor, timeoutSeconds } = spec;
  const { format, compression, filters, retry, onFailure } = spec;
  const delivery = { batchSize, batchWindowSeconds, parallelizationFactor, timeoutSeconds };
  const handler = { log: {}, ...delivery, format, compression, filters, retry, onFailure };
  const group = {
    metadata: { name: groupId, namespace: '' },
    spec: { ...spec, handler, template: {} },
  } as unknown as Pick<KinesisConsumerGroup, 'spec' | 'metadata'>;
  const { arn } = stream;
  const config = workerConfigOf(
    group,
    {
      groupId,
      region,
      stream: {
        name: stream.name ?? arn!.slice(arn!.indexOf('/') + 1),
        ...(arn === undefined ? {} : { arn }),
      },
      endpoints,
      table: table.name ?? defaultTableName(groupId),
    },
    consumerArn,
  );
  // Whoever takes records one by one may think about each.
  return byRecord ? { ...config, handlerTimeoutMs: Infinity } : config;
}
