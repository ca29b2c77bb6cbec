import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { isSameJson } from '../../src/lib/same-json.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import type { ObservedTable, TableAdmin } from '../../src/table/table-admin.ts';
import { TableLooks } from '../../src/table/table-looks.ts';
import { Harness, KEY, NAME } from './reconcile-harness.ts';

const TABLE = 'kinesis-checkpoints-shop-orders';
const SPEC = {
  checkpoints: {
    table: {
      tags: { team: 'shop' },
      billing: { mode: 'OnDemand', maxWriteRequestUnits: 50 },
      deletionProtection: true,
      pointInTimeRecovery: true,
      tableClass: 'Standard',
      encryption: { awsKey: 'Owned' },
    },
  },
};
let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 1 });
});
afterEach(() => h.close());

async function running(spec: Record<string, unknown> = SPEC): Promise<void> {
  h.create(spec);
  await h.converge();
  await h.runWorkers();
  for (let look = 0; look < 5; look += 1) {
    await h.clock.advance(10_000);
    await h.converge();
  }
  expect(await h.condition('TableReady')).toBe('True TableActive');
}

const table = () => h.tables.tables.get(TABLE)!;
const byHand = (change: Partial<ObservedTable>) => h.tables.tables.set(TABLE, { ...table(), ...change });
/** As an autoscaler does. */
const scaleTo = (maxReplicas: number) => h.setGroup((spec) => (spec['scaling'] = { maxReplicas }));
const drifts = () => h.cluster.events.filter(({ reason }) => reason === 'TableDrift');

/** As the operator does: again when a pass says so. Returns how long it took until the table is as it was. */
async function untilSetBack(before: ObservedTable): Promise<number> {
  for (let ms = 0; ms <= 3_600_000;) {
    const inMs = (await h.reconcile(KEY)) ?? 60_000;
    if (isSameJson(table(), before)) return ms;
    await h.clock.advance(inMs);
    ms += inMs;
  }
  throw new Error(`not set back: ${JSON.stringify(table())}`);
}

describe('what somebody changes by hand', () => {
  test.each<[string, Partial<ObservedTable>, string]>([
    ['time to live', { ttlAttribute: '' }, 'time to live: off → on for ttl'],
    ['tags', { tags: {} }, 'tags[team]: none → shop'],
    [
      'whose it is',
      { tags: { 'kcg.dev/created-by': 'kcg', team: 'shop' } },
      'tags[kcg.dev/group-id]: none → shop.orders',
    ],
    ['backups', { pointInTimeRecovery: false }, 'pointInTimeRecovery: off → on'],
    ['protection', { deletionProtection: false }, 'deletionProtection: off → on'],
    [
      'billing',
      { billing: { mode: 'Provisioned', readCapacityUnits: 5, writeCapacityUnits: 6 } },
      'billing: Provisioned (5 read, 6 write) → OnDemand (at most 50 write)',
    ],
    ['a ceiling', { billing: { mode: 'OnDemand' } }, 'billing: OnDemand → OnDemand (at most 50 write)'],
    ['class', { tableClass: 'StandardInfrequentAccess' }, 'tableClass: StandardInfrequentAccess → Standard'],
    ['key', { kmsKeyArn: 'arn:aws:kms:x:1:key/a' }, 'encryption: arn:aws:kms:x:1:key/a → AWS owned key'],
  ])('%s: is set back within ten minutes, and told with old and new', async (_, change, told) => {
    await running();
    const before = { ...table(), tags: { ...table().tags } };
    byHand(change);
    expect(await untilSetBack(before)).toBeLessThanOrEqual(600_000);
    await h.converge();
    expect(drifts()).toMatchObject([
      { type: 'Warning', note: expect.stringContaining('was changed by somebody else, and is set back: ') },
    ]);
    expect(drifts()[0]!.note).toContain(told);
    expect((await h.status()).table?.lastDrift?.change).toContain(told);
    expect(await h.condition('TableReady')).toBe('True TableActive');
  });

  test('right after a look, of a group at rest, is set back within ten minutes, however the pauses fall', async () => {
    await running({ ...SPEC, desiredState: 'Stopped' });
    const before = { ...table() };
    const took: number[] = [];
    for (let time = 0; time < 12; time += 1) {
      byHand({ deletionProtection: false });
      took.push(await untilSetBack(before));
    }
    expect(Math.max(...took)).toBeLessThanOrEqual(600_000);
    // No look more than that asks for.
    expect(Math.min(...took.slice(1))).toBeGreaterThan(350_000);
  });

  test('of a table that groups share is set back within ten minutes, while they share what is read of it', async () => {
    const looks = new TableLooks(h.clock);
    let looksServed = 0;
    const admin = h.tables.admin.bind(h.tables);
    const open = (name: string): TableAdmin => ({
      ...admin(name),
      describe: async ({ sides } = {}) => {
        const seen = await admin(name).describe();
        if (sides) looksServed += 1;
        return seen && { ...seen, ...sides };
      },
    });
    h.tables.admin = (name) => looks.of({ table: name, place: '' }, () => open(name));
    await running({ ...SPEC, desiredState: 'Stopped' });
    const another = h.tables.admin(TABLE);
    let inMs = 60_000;
    const lookOn = async () => {
      await h.clock.advance(inMs);
      inMs = (await h.reconcile()) ?? 60_000;
    };
    /** Another group reads the table, it is changed, and a look of this one is still told what the other has read. */
    const changeUnseen = async (): Promise<number> => {
      for (;;) {
        const gapMs = Math.min(inMs, 45_000);
        await h.clock.advance(inMs - gapMs);
        await another.describe();
        byHand({ pointInTimeRecovery: false });
        const sinceMs = h.clock.monotonic();
        const before = looksServed;
        inMs = gapMs;
        await lookOn();
        if (looksServed > before) return sinceMs;
        byHand({ pointInTimeRecovery: true });
      }
    };
    for (let round = 0; round < 6; round += 1) {
      const sinceMs = await changeUnseen();
      expect(table().pointInTimeRecovery).toBe(false);
      while (!table().pointInTimeRecovery) await lookOn();
      expect(h.clock.monotonic() - sinceMs).toBeLessThanOrEqual(600_000);
    }
  });

  test('while the operator was away is told all the same', async () => {
    await running();
    byHand({ deletionProtection: false });
    h.restart();
    await h.converge();
    expect(drifts()).toHaveLength(1);
    h.restart();
    await h.clock.advance(600_000);
    await h.converge();
    expect(drifts()).toHaveLength(1);
    expect((await h.status()).table?.lastDrift?.change).toBe('deletionProtection: off → on');
  });

  test.each<[string, () => void, () => void]>([
    ['the table was being changed', () => byHand({ status: 'UPDATING' }), () => byHand({ status: 'ACTIVE' })],
    [
      'the table could not be looked at',
      () => (h.tables.fault = new KcgError('Unavailable', 'no network')),
      () => (h.tables.fault = undefined),
    ],
    ['it was replicated', () => byHand({ replicas: ['us-east-1'] }), () => byHand({ replicas: [] })],
  ])('is told as such also when, at a look in between, %s', async (_, begin, end) => {
    await running();
    begin();
    await h.clock.advance(600_000);
    await h.converge();
    expect(await h.condition('TableReady')).not.toBe('True TableActive');
    byHand({ pointInTimeRecovery: false });
    end();
    await h.clock.advance(600_000);
    await h.converge();
    expect(table().pointInTimeRecovery).toBe(true);
    expect(drifts()).toHaveLength(1);
  });

  test('is told as such also when something else of the spec has changed meanwhile, which costs no look', async () => {
    await running();
    byHand({ pointInTimeRecovery: false });
    scaleTo(7);
    await h.converge();
    expect(table().pointInTimeRecovery).toBe(false);
    await h.clock.advance(600_000);
    scaleTo(8);
    await h.converge();
    expect(table().pointInTimeRecovery).toBe(true);
    expect(drifts()).toHaveLength(1);
  });

  test('is no drift in a table that was gone, and comes back from a backup without tags and settings', async () => {
    await running();
    const before = table();
    h.tables.tables.delete(TABLE);
    await h.clock.advance(600_000);
    await h.converge();
    expect(await h.condition('TableReady')).toBe('False TableGone');
    h.tables.tables.set(TABLE, { ...before, ttlAttribute: '', tags: {}, createdAt: h.clock.now() });
    await h.clock.advance(600_000);
    await h.converge();
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(table()).toMatchObject({ ttlAttribute: 'ttl', tags: { team: 'shop' } });
    // It would go with the group, under policy Delete.
    expect((await h.status()).table?.created).toBe(false);
    expect(drifts()).toEqual([]);
  });

  test('is left alone when the spec does not name it', async () => {
    await running({});
    const hand: Partial<ObservedTable> = {
      deletionProtection: false,
      pointInTimeRecovery: true,
      billing: { mode: 'OnDemand', maxReadRequestUnits: 7 },
      tableClass: 'StandardInfrequentAccess',
      kmsKeyArn: 'arn:aws:kms:x:1:key/a',
      tags: { ...table().tags, theirs: 'x' },
    };
    byHand(hand);
    await h.clock.advance(600_000);
    await h.converge();
    expect(table()).toMatchObject(hand);
    expect(drifts()).toEqual([]);
  });

  test('to time to live of another attribute is undone in two steps', async () => {
    await running();
    byHand({ ttlAttribute: 'ts' });
    await h.clock.advance(600_000);
    await h.converge();
    expect(table().ttlAttribute).toBe('ttl');
    expect(drifts().map(({ note }) => note)).toEqual([
      expect.stringContaining('time to live: on for ts → off, then on for ttl'),
      expect.stringContaining('time to live: off → on for ttl'),
    ]);
  });

  test('is no drift when the spec asks for it', async () => {
    await running();
    h.setGroup((spec) => (spec['checkpoints'] = { table: { tableClass: 'StandardInfrequentAccess' } }));
    await h.converge();
    expect(drifts()).toEqual([]);
    const changed = h.cluster.events.filter(({ reason }) => reason === 'TableChanged');
    expect(changed.map(({ note }) => note)).toContain(
      `table ${TABLE}: tableClass: Standard → StandardInfrequentAccess`,
    );
    expect((await h.status()).table).not.toHaveProperty('lastDrift');
  });
});

describe('a limit of the service', () => {
  test('is told with what was to change, asked for less and less, and hides no other drift', async () => {
    await running();
    const admin = h.tables.admin.bind(h.tables);
    let tries = 0;
    h.tables.admin = (name) => {
      const real = admin(name);
      return {
        ...real,
        apply: async (step, options) => {
          if (step.do !== 'set table class') return real.apply(step, options);
          tries += 1;
          throw new KcgError('LimitExceeded', 'Updates to TableClass are limited to 2 times in 30 day(s).');
        },
      };
    };
    byHand({ tableClass: 'StandardInfrequentAccess' });
    for (let minute = 0; minute < 120; minute += 1) {
      await h.clock.advance(60_000);
      scaleTo(50 + minute);
      await h.reconcile();
    }
    expect(await h.condition('TableReady')).toBe('True TableChangeRefused');
    expect(await h.message('TableReady')).toContain(
      'tableClass: StandardInfrequentAccess → Standard: Updates to TableClass are limited',
    );
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(25);
    const before = { ...table(), pointInTimeRecovery: true };
    byHand({ pointInTimeRecovery: false });
    expect(await untilSetBack(before)).toBeLessThanOrEqual(600_000);
  });
});

describe('a replica', () => {
  const toDo = () => h.tables.steps.length;

  test('of the table of a new group: nothing is changed, and no worker started', async () => {
    h.foreignTable(TABLE, { replicas: ['us-east-1'], ttlAttribute: '' });
    h.create({ checkpoints: { table: { adoption: 'Always' } } });
    await h.converge();
    expect(await h.condition('TableReady')).toBe('False TableReplicated');
    expect(await h.message('TableReady')).toContain('is a global table, with replicas in us-east-1');
    expect(await h.condition('Ready')).toMatch(/^False/);
    expect(toDo()).toBe(0);
    expect((await h.replicas()) ?? 0).toBe(0);
  });

  test('of the table of a group that is deleted: all of it stays, and an event says so', async () => {
    await running({ checkpoints: { deletionPolicy: 'Delete' } });
    byHand({ replicas: ['us-east-1'] });
    const before = [toDo(), h.rowWrites.length];
    await h.cluster.delete(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await h.losePods();
    await h.reconcile();
    expect(await h.cluster.get(KINDS.consumerGroup, NAME)).toBeUndefined();
    expect([toDo(), h.rowWrites.length]).toEqual(before);
    const kept = h.cluster.events.find(({ reason }) => reason === 'RowsKept');
    expect(kept?.note).toContain('is a global table, of which nothing is changed');
  });

  test('that comes later: the workers go on, and nothing is changed until it is gone', async () => {
    await running();
    const before = toDo();
    byHand({ replicas: ['us-east-1'], deletionProtection: false });
    await h.clock.advance(600_000);
    await h.converge();
    expect(await h.condition('TableReady')).toBe('False TableReplicated');
    expect(toDo()).toBe(before);
    expect(await h.replicas()).toBe(1);
    byHand({ replicas: [] });
    await h.clock.advance(600_000);
    await h.converge();
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(table().deletionProtection).toBe(true);
  });
});
