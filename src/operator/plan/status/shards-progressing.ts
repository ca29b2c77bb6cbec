import type { Told } from '../../../api/conditions.ts';
import { isReading } from '../../../api/group.ts';
import type { GroupStatus } from '../../../api/group-status.ts';
import { count } from '../../../lib/count.ts';
import type { GroupView, ShardView } from '../../../view/group-view.ts';
import type { Judgement } from '../../../view/judge-shard.ts';
import { whyScaledToZero, type GroupFacts } from '../group-facts.ts';
import { named } from '../named.ts';

type ToldProgress = Told<'ShardsProgressing'>;

/** Worst first: what is said of the first that is found gives the reason. */
const BAD: readonly (readonly [Judgement, ToldProgress['status'], ToldProgress['reason'], string])[] = [
  ['Stopped', 'False', 'ShardsStopped', 'nobody reads'],
  ['Stalled', 'False', 'ShardsStalled', 'records wait and the position stands in'],
  ['Rewound', 'False', 'ShardsRewound', 'the position has gone back in'],
  ['Slow', 'True', 'ShardsSlow', 'reading is slower than writing in'],
];

/**
 * By the judgement of each shard. While some cannot be told, an operator that has just begun to watch leaves bad news as it
 * was; without any it says what it knows.
 */
export function shardsProgressing(
  { view, group, scaling }: Pick<GroupFacts, 'view' | 'group' | 'scaling'>,
  previous: GroupStatus | undefined,
): ToldProgress {
  const unknown = (reason: 'ProgressUnknown' | 'NotConsuming', message: string): ToldProgress => ({
    status: 'Unknown',
    reason,
    message,
  });
  if (!view) return unknown('ProgressUnknown', 'the positions are not known');
  if (!isReading(group))
    return unknown('NotConsuming', `the group is ${group.spec.desiredState.toLowerCase()}`);
  if (whyScaledToZero({ group, scaling }) !== undefined)
    return unknown('NotConsuming', 'the group is scaled to zero');
  const shards = view.shards.filter(({ state }) => state !== 'ended');
  const untold = shards.filter(({ judged }) => !judged);
  const before = previous?.conditions?.find(({ type }) => type === 'ShardsProgressing');
  const told = tellBad(shards);
  if (before && before.status !== 'Unknown') {
    const { status, reason, message } = before as ToldProgress;
    const mayBe = reason === 'ShardsStopped' ? untold.filter(({ state }) => state === 'unowned') : untold;
    if (mayBe.length > 0 && rank(told?.reason) > rank(reason)) return { status, reason, message };
  }
  if (told) return told;
  if (!shards.some(({ judged }) => judged))
    return unknown('ProgressUnknown', 'no shard has been watched for long enough');
  return {
    status: 'True',
    reason: 'ShardsAdvance',
    message: 'every shard that is read advances or is caught up',
  };
}

function rank(reason: string | undefined): number {
  const found = BAD.findIndex(([, , each]) => each === reason);
  return found < 0 ? BAD.length : found;
}

function tellBad(shards: readonly ShardView[]): ToldProgress | undefined {
  const parts = BAD.flatMap(([judgement, status, reason, words]) => {
    const bad = shards.filter(({ judged }) => judged?.judgement === judgement);
    if (bad.length === 0) return [];
    const causes = [...new Set(bad.flatMap(({ judged }) => judged!.cause ?? []))].sort();
    const why = causes.length > 0 ? ` (${causes.join(', ')})` : '';
    const of = `${bad.length} of ${count(shards.length, 'shard')}`;
    const message = `${words} ${of}: ${named(bad.map(({ shardId }) => shardId))}${why}`;
    return [{ status, reason, message }];
  });
  const [worst] = parts;
  return worst && { ...worst, message: parts.map(({ message }) => message).join('; ') };
}

/** How many shards there are of each judgement; `Unknown` where it cannot be told. Those that are read to their end do not count. */
export function countJudgements({ shards }: GroupView): Map<Judgement | 'Unknown', number> {
  const counts = new Map<Judgement | 'Unknown', number>();
  for (const { state, judged } of shards) {
    const judgement = judged?.judgement ?? 'Unknown';
    if (state !== 'ended') counts.set(judgement, (counts.get(judgement) ?? 0) + 1);
  }
  return counts;
}
