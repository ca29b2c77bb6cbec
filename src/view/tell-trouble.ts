import type { HandlerTrouble } from '../leases/worker-row.ts';
import { count } from '../lib/count.ts';

/** What does not do its work, and where: `shards` in words. */
export function tellTrouble(
  { shards, destination }: Pick<HandlerTrouble, 'shards' | 'destination'>,
  inWords = count(shards, 'shard'),
): string {
  if (shards === 0) return 'the handler cannot begin';
  return destination
    ? `handler.onFailure does not take what was given up of ${inWords}`
    : `the handler fails on ${inWords}`;
}
