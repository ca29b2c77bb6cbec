import { count } from '../lib/count.ts';
import type { GroupView } from './group-view.ts';

/** Why shards have no live owner, where time alone changes nothing, with what does; undefined = that cannot be told from here. */
export function whyUnowned({
  workers,
}: Pick<GroupView, 'workers'>): { why: string; next: string } | undefined {
  const living = workers.filter(({ alive }) => alive);
  const has = living.length === 1 ? 'has' : 'have';
  if (living.length === 0) return undefined;
  if (living.every(({ row }) => row.state === 'starting')) {
    return {
      why: `${count(living.length, 'worker')} ${has} not begun: one takes shards once its handler answers`,
      next: 'If it lasts, the log of the worker (kcg logs) says what it waits for.',
    };
  }
  const isFull = living.every(
    ({ row, shards }) => row.state === 'live' && row.maxLeases > 0 && shards >= row.maxLeases,
  );
  if (!isFull) return undefined;
  return {
    why: `${count(living.length, 'worker')} ${has} as many as leases.maxPerWorker allows`,
    next: 'Raise leases.maxPerWorker or the number of workers (scaling.maxReplicas, or replicas); until then nobody reads these shards.',
  };
}
