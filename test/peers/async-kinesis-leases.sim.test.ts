import { describe, expect, it } from 'vitest';
import { Scenario } from '../sim/scenario.ts';

/* async-kinesis: tests/test_dynamodb_checkpointer.py and the heartbeat of checkpointers.py, where it takes workers that live. */

describe('a heartbeat that is under way for seconds', () => {
  // The heartbeat survives a release beside it; and what is released beside it stays so
  it('neither keeps a shard from being given away nor lets go of the others', async () => {
    const group = new Scenario({ shards: 4, workers: 1 });
    await group.settle();
    const [owner] = group.alive();
    let late = 0;
    group.fate = (caller, operation) =>
      caller === owner && operation === 'beat' && (late += 1) ? { thereMs: 700, backMs: 700 } : undefined;
    await group.pass(10_000);
    group.deployment.scaleTo(2);
    const changes = await group.settle();
    await group.pass(30_000);
    expect(late).toBeGreaterThan(10);
    expect(group.held()).toMatchObject({ [owner!.pod]: 2 });
    expect(changes.map(({ by }) => by)).toEqual(['give', 'give']);
    const told = group.trace.events().map(({ event }) => event.type);
    expect(told).not.toContain('WorkerSelfFenced');
    expect(told).not.toContain('WorkerFenced');
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('does not bring back a worker that has stopped since, whose shards others have', async () => {
    const group = new Scenario({ shards: 4, workers: 2 });
    await group.settle();
    const [leaving] = group.alive();
    let isDelayed = false;
    group.fate = (caller, operation) => {
      if (isDelayed || caller !== leaving || operation !== 'beat') return undefined;
      isDelayed = true;
      return { thereMs: 20_000 };
    };
    await group.advance(10_000, () => isDelayed);
    group.deployment.scaleTo(1);
    group.terminate(leaving!, 60_000);
    await group.pass(15_000);
    const owners = group.held();
    await group.pass(30_000);
    expect(group.checker.row(`worker#${leaving!.pod}`)).toBeUndefined();
    expect(group.held()).toEqual(owners);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});
