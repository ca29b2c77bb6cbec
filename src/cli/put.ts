import { evenRanges, isHashKey } from '../kinesis/hash-key.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable } from '../lib/options.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';

export const putOptions = {
  namespace: selectOptions.namespace,
  'partition-key': { type: 'string', description: 'of the records; default: another for each' },
  data: {
    type: 'string',
    description: 'the data, as text; - or nothing: a record for each line of standard input',
  },
  'data-file': { type: 'string', description: 'a file whose bytes are the data of one record' },
  shard: {
    type: 'string',
    description: 'put it into this open shard, whatever the key: its id or its number',
  },
  'explicit-hash-key': { type: 'string', description: "decimal, in place of the key's hash" },
  rate: {
    type: 'number',
    description:
      'records a second: lines of standard input at that pace, --data or --data-file again and again until Ctrl-C',
    min: 1,
    max: 10_000,
  },
  'dry-run': { type: 'boolean', description: 'say where records would go, and write nothing' },
  output: { type: 'string', short: 'o', description: 'a JSON object a line', choices: ['json'] },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

/** @throws KcgError `InvalidInput` */
export function requireOneDestination({
  shard,
  explicitHashKey,
}: {
  shard: string | undefined;
  explicitHashKey: string | undefined;
}): void {
  if (shard !== undefined && explicitHashKey !== undefined)
    throw new KcgError('InvalidInput', 'put takes --shard or --explicit-hash-key, not both', {
      fix: 'Leave one out.',
    });
  if (explicitHashKey !== undefined && !isHashKey(explicitHashKey)) {
    const [whole] = evenRanges(1);
    throw new KcgError(
      'InvalidInput',
      `--explicit-hash-key takes a number from 0 to ${whole!.end}, not '${explicitHashKey}'`,
    );
  }
}
