import type { ImportReport } from '../../cli/import.ts';
import { formatPosition } from '../../import/format-position.ts';
import type { SourceLook } from '../../import/import-source.ts';
import { heldLonger, judgeSource } from '../../import/judge-source.ts';

/** What a dry run shows of one look. */
export function reportOf(name: string, look: SourceLook, nowMs: number): ImportReport {
  const { plan, foreign } = look;
  const owners = new Map(foreign?.positions.map(({ shardId, owner }) => [shardId, owner]));
  // Of whom nothing has been watched yet, it only says whether the rows make sense.
  const verdict = judgeSource({ name, look, still: undefined, nowMs });
  const empty = verdict !== 'import' && verdict.reason === 'SourceEmpty' ? [verdict.message] : [];
  return {
    source: name,
    version: foreign?.version,
    standStillSeconds: foreign && Math.ceil(foreign.expiryMs / 1_000),
    shards: plan.shards.map(({ lease, from, why, missing, twice }) => ({
      shardId: lease.shardId,
      owner: owners.get(lease.shardId),
      from: from && formatPosition(from),
      to: formatPosition(lease.checkpoint),
      why,
      missing,
      twice,
    })),
    notes: [...plan.notes, ...silence(look), ...waiting(look, nowMs)],
    refusals: plan.refusals.length > 0 ? plan.refusals : empty,
  };
}

function waiting({ foreign }: SourceLook, nowMs: number): string[] {
  const held = heldLonger(foreign?.positions ?? [], nowMs);
  return held ? [`by its row, ${held.who}: the import waits for that, unless it is given up before`] : [];
}

function silence({ foreign }: SourceLook): string[] {
  if (!foreign?.isSilentWhenIdle) return [];
  return [
    'its rows move only while it reads records: that they stand still does not show that it has stopped. Make sure it has; what it reads after the import comes twice',
  ];
}
