import { beforeEach, describe, expect, it } from 'vitest';
import { decodeRows } from '../../src/leases/group-rows.ts';
import type { LeaseTable } from '../../src/leases/lease-table.ts';
import {
  announceWorker,
  beatWorker,
  checkpointShard,
  claimGroup,
  completeShard,
  endShard,
  expireShard,
  fenceWorker,
  giveShard,
  keepShard,
  knockWorker,
  pinStart,
  putShard,
  releaseShard,
  removeWorker,
  takeShard,
} from '../../src/leases/transitions.ts';
import { decodeLease } from '../../src/leases/lease.ts';
import { number, text, texts, type Row } from '../../src/leases/row.ts';
import type { RowWrite } from '../../src/leases/row-write.ts';

const NOW = Date.UTC(2026, 0, 1);
const BORN = NOW / 1000;
const me = { worker: 'pod-1', incarnation: 'a1' };
const other = { worker: 'pod-2', incarnation: 'b1' };
const announcement = {
  ...me,
  state: 'starting' as const,
  revision: 1,
  restartedAt: 0,
  maxLeases: 0,
  leaseDurationMs: 6_000,
  address: '10.0.0.1:8085',
  podUid: 'uid',
  node: 'node',
  startedAt: NOW,
};
const beat = (n: number) => ({ beat: n, state: 'live' as const, held: 1, lagging: { 'shardId-1': 5_000 } });
const shard = (shardId: string, parents: string[] = []) =>
  putShard({ shardId, parents, checkpoint: { at: 'TRIM_HORIZON' }, hashStart: '0', hashEnd: '9' }, NOW);
const progress = (sequence: string) => ({
  checkpoint: { at: 'SEQUENCE' as const, sequence },
  behindMs: 12,
  readAt: NOW,
  load: 12,
});
const strong = { consistent: true };

/** What every `LeaseTable` does, on an empty group made by `create`. */
export function leaseTableContract(create: () => Promise<LeaseTable>): void {
  let table: LeaseTable;
  beforeEach(async () => {
    table = await create();
  });

  const take = async (owner = me) => {
    await table.write(shard('shardId-1'));
    await table.write(takeShard({ shardId: 'shardId-1', owner: undefined, epoch: BORN }, owner, NOW));
    return { shardId: 'shardId-1', epoch: BORN + 1, owner };
  };
  const row = () => table.get('shardId-1', strong);

  describe('reading', () => {
    it('shows nothing of an empty group', async () => {
      expect(await table.query('all', strong)).toEqual([]);
      expect(await table.get('shardId-1', strong)).toBeUndefined();
    });

    it('lists all rows, or those of the workers alone', async () => {
      await take();
      await table.write(announceWorker(announcement, NOW));
      await table.write(pinStart(NOW));
      const all = decodeRows(await table.query('all', strong));
      expect(all.leases.map((lease) => lease.shardId)).toEqual(['shardId-1']);
      expect(all.claim?.startAt).toBe(NOW);
      const workers = decodeRows(await table.query('workers', strong));
      expect(workers).toMatchObject({ leases: [], workers: [{ worker: 'pod-1', state: 'starting' }] });
    });

    it('lists more rows than fit a page', async () => {
      const filler = 'x'.repeat(3_000);
      for (let i = 0; i < 400; i += 1) {
        const base = shard(`shardId-${String(i).padStart(4, '0')}`);
        await table.write({ ...base, set: { ...base.set, filler } });
      }
      expect(await table.query('all', strong)).toHaveLength(400);
    });
  });

  describe('workers', () => {
    it('an announcement replaces what an older incarnation left', async () => {
      await table.write(announceWorker({ ...announcement, incarnation: 'a0' }, NOW));
      await table.write(announceWorker(announcement, NOW));
      expect((await table.write(beatWorker({ ...me, incarnation: 'a0' }, beat(2), NOW))).outcome).toBe(
        'lost',
      );
    });

    it('an announcement that has its effect late undoes nothing', async () => {
      await table.write(announceWorker(announcement, NOW, null));
      await table.write(fenceWorker({ ...me, beat: 1 }));
      const late = (after: string | null) =>
        announceWorker({ ...announcement, incarnation: 'a0' }, NOW, after);
      expect((await table.write(late(null))).outcome).toBe('lost');
      expect((await table.write(late('a00'))).outcome).toBe('lost');
      expect((await table.write(announceWorker(announcement, NOW, null))).outcome).toBe('lost');
      expect((await table.write(late(announcement.incarnation))).outcome).toBe('done');
    });

    it('a beat that has its effect late turns no later one back', async () => {
      await table.write(announceWorker(announcement, NOW));
      expect((await table.write(beatWorker(me, beat(2), NOW, 1))).outcome).toBe('done');
      expect((await table.write(beatWorker(me, beat(4), NOW, 2))).outcome).toBe('done');
      expect((await table.write(beatWorker(me, beat(3), NOW, 2))).outcome).toBe('lost');
      expect((await table.query('workers', strong))[0]).toMatchObject({ beat: 4 });
    });

    it('a beat returns the whole row, knocks of others included', async () => {
      await table.write(announceWorker(announcement, NOW));
      await table.write(knockWorker(me));
      await table.write(knockWorker(me));
      const result = await table.write(beatWorker(me, beat(2), NOW));
      expect(result).toMatchObject({
        outcome: 'done',
        row: { beat: 2, knock: 2, lagging: { 'shardId-1': 5_000 } },
      });
    });

    it('a beat is lost on a missing row, and makes none', async () => {
      expect(await table.write(beatWorker(me, beat(2), NOW))).toEqual({ outcome: 'lost', row: undefined });
      expect(await table.query('workers', strong)).toEqual([]);
    });

    it('a fence is lost when the worker has beaten since', async () => {
      await table.write(announceWorker(announcement, NOW));
      await table.write(beatWorker(me, beat(2), NOW));
      expect((await table.write(fenceWorker({ ...me, beat: 1 }))).outcome).toBe('lost');
      expect((await table.write(fenceWorker({ ...me, beat: 2 }))).outcome).toBe('done');
      expect((await table.write(beatWorker(me, beat(3), NOW))).outcome).toBe('lost');
    });

    it('a fence that somebody else did is as good as done', async () => {
      await table.write(announceWorker(announcement, NOW));
      await table.write(fenceWorker({ ...me, beat: 1 }));
      expect((await table.write(fenceWorker({ ...me, beat: 0 }))).outcome).toBe('done');
    });

    it('removal touches only the own incarnation', async () => {
      await table.write(announceWorker(announcement, NOW));
      expect((await table.write(removeWorker({ ...me, incarnation: 'a0' }))).outcome).toBe('lost');
      expect((await table.write(removeWorker(me))).outcome).toBe('done');
      expect((await table.write(removeWorker(me))).outcome).toBe('done');
      expect(await table.query('workers', strong)).toEqual([]);
    });
  });

  describe('shards', () => {
    it('a shard is put once; the second put sees the first', async () => {
      expect((await table.write(shard('shardId-1', ['shardId-0']))).outcome).toBe('done');
      const second = await table.write(shard('shardId-1'));
      expect(second.outcome).toBe('lost');
      expect(texts(second.row!, 'parents')).toEqual(['shardId-0']);
    });

    it('of two takers one wins, and the other sees who', async () => {
      await table.write(shard('shardId-1'));
      const seen = { shardId: 'shardId-1', owner: undefined, epoch: BORN };
      expect(await table.write(takeShard(seen, me, NOW))).toMatchObject({
        outcome: 'done',
        row: { ref: 'pod-1/a1', epoch: BORN + 1, sequence: 'TRIM_HORIZON' },
      });
      expect(await table.write(takeShard(seen, other, NOW))).toMatchObject({
        outcome: 'lost',
        row: { ref: 'pod-1/a1' },
      });
    });

    it('a take whose answer got lost is recognised when it is repeated', async () => {
      await table.write(shard('shardId-1'));
      const write = takeShard({ shardId: 'shardId-1', owner: undefined, epoch: BORN }, me, NOW);
      await table.write(write);
      expect((await table.write(write)).outcome).toBe('done');
    });

    it('a take never makes a row', async () => {
      const write = takeShard({ shardId: 'shardId-9', owner: undefined, epoch: 0 }, me, NOW);
      expect(await table.write(write)).toEqual({ outcome: 'lost', row: undefined });
    });

    it('owners that end are counted, in a row, until one says that it got on', async () => {
      await table.write(shard('shardId-1'));
      const owners = [undefined, 'pod-1/a1', 'pod-1/a1'];
      let row: Row | undefined;
      for (const [taken, owner] of owners.entries())
        ({ row } = await table.write(
          takeShard({ shardId: 'shardId-1', owner, epoch: BORN + taken }, me, NOW),
        ));
      expect(decodeLease(row!).unfinished).toEqual({ endings: 2 });
      const own = { shardId: 'shardId-1', epoch: BORN + 3, owner: me };
      const begun = {
        sequence: '10',
        subSequence: 2,
        records: 5,
        last: '12',
        failures: 1,
        calls: 2,
        isMade: true,
      };
      const notes = { ...progress('10'), unfinished: { endings: 2, begun } };
      ({ row } = await table.write(checkpointShard(own, notes, NOW)));
      expect(decodeLease(row!).unfinished).toEqual({ endings: 2, begun });
      ({ row } = await table.write(checkpointShard(own, progress('11'), NOW)));
      expect(decodeLease(row!).unfinished).toEqual({ endings: 2, begun });
      ({ row } = await table.write(
        checkpointShard(own, { ...progress('12'), unfinished: { endings: 0 } }, NOW),
      ));
      expect(decodeLease(row!).unfinished).toBeUndefined();
    });

    it('a row of another program, without epoch and with a ttl, is taken and loses its ttl', async () => {
      const foreign = shard('shardId-1');
      const { epoch: _, ...set } = foreign.set!;
      await table.write({
        ...foreign,
        set: { ...set, ref: 'host:1', ttl: BORN + 60, sequence: '77', note: 'kept' },
      });
      const result = await table.write(
        takeShard({ shardId: 'shardId-1', owner: 'host:1', epoch: 0 }, me, NOW),
      );
      expect(result).toMatchObject({
        outcome: 'done',
        row: { ref: 'pod-1/a1', epoch: BORN, sequence: '77', note: 'kept' },
      });
      expect(number(result.row!, 'ttl')).toBeUndefined();
    });

    it('only the owner of the epoch checkpoints', async () => {
      const own = await take();
      expect((await table.write(checkpointShard(own, progress('10'), NOW))).outcome).toBe('done');
      expect((await table.write(checkpointShard({ ...own, epoch: BORN }, progress('11'), NOW))).outcome).toBe(
        'lost',
      );
      expect(
        (await table.write(checkpointShard({ ...own, owner: other }, progress('12'), NOW))).outcome,
      ).toBe('lost');
      expect(await row()).toMatchObject({ sequence: '10', behind_ms: 12, ts: BORN });
    });

    it('a checkpoint that has its effect late sets none back, and reopens no ended shard', async () => {
      const own = await take();
      const { checkpoint: ten } = progress('10');
      await table.write(checkpointShard(own, progress('10'), NOW));
      expect((await table.write(checkpointShard(own, progress('12'), NOW, ten))).outcome).toBe('done');
      expect((await table.write(checkpointShard(own, progress('11'), NOW, ten))).outcome).toBe('lost');
      expect(await row()).toMatchObject({ sequence: '12' });
      await table.write(endShard(own, NOW));
      const { checkpoint: twelve } = progress('12');
      expect((await table.write(checkpointShard(own, progress('13'), NOW, twelve))).outcome).toBe('lost');
      expect(await row()).toMatchObject({ sequence: 'SHARD_END' });
    });

    it('a position inside an aggregate is kept, and gone with the next whole one', async () => {
      const own = await take();
      const inside = {
        ...progress('10'),
        checkpoint: { at: 'SEQUENCE' as const, sequence: '10', subSequence: 3 },
      };
      await table.write(checkpointShard(own, inside, NOW));
      expect(await row()).toMatchObject({ sequence: '10', sub_sequence: 3 });
      await table.write(checkpointShard(own, progress('10'), NOW));
      expect(number((await row())!, 'sub_sequence')).toBeUndefined();
    });

    it('giving moves owner and progress in one write, and ends the giver’s rights', async () => {
      const own = await take();
      expect((await table.write(giveShard(own, other, progress('10'), NOW))).outcome).toBe('done');
      expect(await row()).toMatchObject({ ref: 'pod-2/b1', epoch: BORN + 2, sequence: '10' });
      expect((await table.write(checkpointShard(own, progress('11'), NOW))).outcome).toBe('lost');
      expect((await table.write(giveShard(own, other, progress('10'), NOW))).outcome).toBe('done');
    });

    it('who lost a shard and has it again writes under the new epoch alone', async () => {
      const stale = await take();
      await table.write(giveShard(stale, other, progress('10'), NOW));
      await table.write(giveShard({ ...stale, epoch: BORN + 2, owner: other }, me, progress('20'), NOW));
      const again = await row();
      expect(again).toMatchObject({ ref: 'pod-1/a1', epoch: BORN + 3, sequence: '20' });
      const late = [
        checkpointShard(stale, progress('30'), NOW),
        giveShard(stale, { worker: 'pod-3', incarnation: 'c1' }, progress('30'), NOW),
        releaseShard(stale, progress('30'), NOW),
        endShard(stale, NOW),
      ];
      for (const write of late) expect((await table.write(write)).outcome).toBe('lost');
      expect(await row()).toEqual(again);
      const own = { ...stale, epoch: BORN + 3 };
      expect((await table.write(checkpointShard(own, progress('30'), NOW))).outcome).toBe('done');
    });

    it('releasing frees the shard under a new epoch', async () => {
      const own = await take();
      expect((await table.write(releaseShard(own, undefined, NOW))).outcome).toBe('done');
      const freed = (await row())!;
      expect(text(freed, 'ref')).toBeUndefined();
      expect(number(freed, 'epoch')).toBe(BORN + 2);
      expect((await table.write(releaseShard(own, undefined, NOW))).outcome).toBe('done');
    });

    it('an ended shard keeps its last owner, and only an ended one may expire', async () => {
      const own = await take();
      expect((await table.write(expireShard('shardId-1', BORN + 60))).outcome).toBe('lost');
      await table.write(endShard(own, NOW));
      expect((await table.write(expireShard('shardId-1', BORN + 60))).outcome).toBe('done');
      expect(await row()).toMatchObject({ sequence: 'SHARD_END', ref: 'pod-1/a1', ttl: BORN + 60 });
    });
  });

  describe('a row of another program', () => {
    const lineage = { shardId: 'shardId-9', parents: ['shardId-1'], hashStart: '5', hashEnd: '9' };

    it('is told once what the stream says of its shard, and keeps what it has', async () => {
      const theirs = { sequence: '7', foreign: 'kept' };
      await table.write({ name: 'put', key: 'shardId-9', kind: 'update', when: [], set: theirs, proof: [] });
      expect((await table.write(completeShard(lineage))).outcome).toBe('done');
      const completed = await table.get('shardId-9', { consistent: true });
      expect(completed).toMatchObject({ ...theirs, hash_start: '5', hash_end: '9' });
      expect(texts(completed!, 'parents')).toEqual(['shardId-1']);
      expect((await table.write(completeShard({ ...lineage, parents: [], hashEnd: '8' }))).outcome).toBe(
        'lost',
      );
      expect(await table.get('shardId-9', { consistent: true })).toEqual(completed);
    });

    it('that is gone is not made anew of what the stream says', async () => {
      expect((await table.write(completeShard(lineage))).outcome).toBe('lost');
      expect(await table.get('shardId-9', { consistent: true })).toBeUndefined();
    });
  });

  describe('the life of rows', () => {
    it('a row that is live never carries a ttl, through all its changes', async () => {
      const own = await take();
      const live = async () => expect(number((await row())!, 'ttl')).toBeUndefined();
      await live();
      await table.write(checkpointShard(own, progress('10'), NOW));
      await live();
      await table.write(giveShard(own, other, progress('11'), NOW));
      await live();
      await table.write(releaseShard({ ...own, owner: other, epoch: BORN + 2 }, progress('12'), NOW));
      await live();
    });

    it('a worker lives for a day after its last beat', async () => {
      await table.write(announceWorker(announcement, NOW));
      const later = NOW + 60_000;
      const { row: beaten } = await table.write(beatWorker(me, beat(2), later));
      expect(number(beaten!, 'ttl')).toBe(later / 1000 + 86_400);
    });

    it('attributes that kcg does not know stay through every change', async () => {
      const own = await take();
      const note = { name: 'note', key: 'shardId-1', kind: 'update' as const, when: [], proof: [] };
      await table.write({ ...note, set: { note: 'theirs' } });
      await table.write(checkpointShard(own, progress('10'), NOW));
      await table.write(giveShard(own, other, progress('11'), NOW));
      await table.write(releaseShard({ ...own, owner: other, epoch: BORN + 2 }, undefined, NOW));
      expect(text((await row())!, 'note')).toBe('theirs');
    });
  });

  describe('answers that got lost', () => {
    /** Each write as it is first sent, on the state it is for. */
    const writes: [string, () => Promise<RowWrite>][] = [
      ['announce', async () => announceWorker(announcement, NOW)],
      [
        'beat',
        async () => {
          await table.write(announceWorker(announcement, NOW));
          return beatWorker(me, beat(2), NOW);
        },
      ],
      [
        'fence',
        async () => {
          await table.write(announceWorker(announcement, NOW));
          return fenceWorker({ ...me, beat: 1 });
        },
      ],
      [
        'remove worker',
        async () => {
          await table.write(announceWorker(announcement, NOW));
          return removeWorker(me);
        },
      ],
      ['checkpoint', async () => checkpointShard(await take(), progress('10'), NOW)],
      ['give', async () => giveShard(await take(), other, progress('10'), NOW)],
      ['release', async () => releaseShard(await take(), progress('10'), NOW)],
      ['end', async () => endShard(await take(), NOW)],
      ['pin', async () => pinStart(NOW)],
    ];

    it.each(writes)('%s is done when it is repeated', async (_, prepare) => {
      const write = await prepare();
      expect((await table.write(write)).outcome).toBe('done');
      expect((await table.write(write)).outcome).toBe('done');
    });
  });

  describe('the group', () => {
    it('pins its start once', async () => {
      expect((await table.write(pinStart(NOW))).outcome).toBe('done');
      expect(await table.write(pinStart(NOW + 1))).toMatchObject({ outcome: 'lost', row: { start_at: NOW } });
    });

    it('keeps the row of a shard that was to expire, and makes none', async () => {
      const shardId = 'shardId-1';
      expect((await table.write(keepShard(shardId))).outcome).toBe('lost');
      await table.write(shard(shardId));
      const mark = { name: 'expire row', key: shardId, kind: 'update' as const, when: [], proof: [] };
      await table.write({ ...mark, set: { ttl: BORN + 100 * 365 * 86_400 } });
      const kept = await table.write(keepShard(shardId));
      expect(kept.outcome).toBe('done');
      expect(kept.row).not.toHaveProperty('ttl');
      expect((await table.write(keepShard(shardId))).outcome).toBe('done');
    });

    it('is claimed only against the claim that was seen, and no longer expires then', async () => {
      const claim = (resourceUid: string) => ({
        groupId: 'shop.orders',
        clusterId: 'c1',
        resourceUid,
        namespace: 'shop',
        streamArn: 'arn',
        streamCreatedAt: NOW,
        claimedAt: NOW,
      });
      expect((await table.write(claimGroup(undefined, claim('u1')))).outcome).toBe('done');
      expect((await table.write(claimGroup(undefined, claim('u2')))).outcome).toBe('lost');
      const seen = decodeRows(await table.query('all', strong)).claim;
      expect((await table.write(claimGroup(seen, claim('u2')))).outcome).toBe('done');
      const expiring = { name: 'expire row', key: 'group#claim', kind: 'update' as const, proof: [] };
      const when = [{ attribute: 'shard_id', is: 'present' as const }];
      expect((await table.write({ ...expiring, when, set: { ttl: BORN } })).outcome).toBe('done');
      const again = decodeRows(await table.query('all', strong)).claim;
      const { row: claimed } = await table.write(claimGroup(again, claim('u3')));
      expect(claimed).not.toHaveProperty('ttl');
    });
  });
}
