import { expect } from 'vitest';
import type { ForeignPositions } from '../../src/import/foreign-store.ts';
import { planImport } from '../../src/import/plan-import.ts';
import { readForeign } from '../../src/import/read-foreign.ts';
import { compareSequence } from '../../src/kinesis/record.ts';
import { isOpen } from '../../src/kinesis/shard.ts';
import type { Fixture, Moment } from './programs/record.ts';

export function readMoment({ program, stream }: Omit<Fixture, 'moments'>, moment: Moment): ForeignPositions {
  return readForeign(program, { source: 'table app', ...moment }, { stream });
}

/** The program had processed all there was: so nothing is lost, and nothing comes twice, when no shard goes on elsewhere. */
export function goesOnWhereItStood(fixture: Omit<Fixture, 'moments'>, moment: Moment): void {
  const foreign = readMoment(fixture, moment);
  const { shards, last } = moment;
  const initialPosition = { at: 'LATEST' } as const;
  const plan = planImport({ foreign, shards, initialPosition, nowMs: fixture.stream.createdAt });
  expect(plan.refusals).toEqual([]);
  expect(plan.shards).toHaveLength(shards.length);
  for (const { lease } of plan.shards) {
    const { shardId, checkpoint } = lease;
    const shard = shards.find((listed) => listed.shardId === shardId)!;
    const end = last[shardId];
    if (isOpen(shard)) expect(checkpoint, shardId).toMatchObject({ at: 'SEQUENCE', sequence: end });
    else if (checkpoint.at === 'SEQUENCE' && end !== undefined) {
      expect(compareSequence(checkpoint.sequence, end), shardId).toBeGreaterThanOrEqual(0);
    } else if (end !== undefined) expect(checkpoint, shardId).toEqual({ at: 'SHARD_END' });
  }
}
