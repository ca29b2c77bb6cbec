import { describe, expect, it } from 'vitest';
import type { AttributeValue } from '../../src/leases/row.ts';
import { AGroup } from './a-group.ts';

/* A table of async-kinesis: rows with a `ref` and without an epoch, and nobody knows whether their owner lives. */

const SHARD = 'shardId-000000000000';

async function aGroupWith(row: Record<string, AttributeValue>) {
  const group = new AGroup(1);
  const write = (set: Record<string, AttributeValue>) =>
    group.table.write({ name: 'foreign', key: SHARD, kind: 'update', when: [], set, proof: [] });
  await write({ sequence: 'TRIM_HORIZON', ...row });
  const worker = group.start('w');
  const ownerIs = () => group.table.rows().find(({ shard_id }) => shard_id === SHARD)?.['ref'];
  return { group, worker, write, ownerIs };
}

describe('a shard that another program has taken', () => {
  it('is left alone while its owner shows that it lives', async () => {
    const { group, write, ownerIs } = await aGroupWith({ ref: 'app/17', ts: 1 });
    for (let beat = 2; beat < 40; beat += 1) {
      await group.clock.advance(15_000);
      await write({ ts: beat });
    }
    expect(ownerIs()).toBe('app/17');
  });

  it('is taken when it has stood still for as long as that program would wait', async () => {
    const { group, worker, ownerIs } = await aGroupWith({ ref: 'app/17', ts: 1 });
    await group.clock.advance(70_000);
    expect(ownerIs()).toBe('app/17');
    await group.clock.advance(30_000);
    expect(ownerIs()).toMatch(/^w\//);
    expect(worker.events).toContainEqual(expect.objectContaining({ type: 'ShardStarted', shardId: SHARD }));
  });

  it('is taken at once when it was released', async () => {
    const { group, ownerIs } = await aGroupWith({ ts: 1 });
    await group.clock.advance(10_000);
    expect(ownerIs()).toMatch(/^w\//);
  });
});
