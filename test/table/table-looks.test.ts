import { beforeEach, describe, expect, test } from 'vitest';
import {
  NATIVE_KEY_SCHEMA,
  type ObservedTable,
  type TableAdmin,
  type TableItself,
  type TableStep,
} from '../../src/table/table-admin.ts';
import { MemoryTables } from '../../src/table/memory/table-admin.ts';
import { TableLooks } from '../../src/table/table-looks.ts';
import { ManualClock } from '../support/manual-clock.ts';

let clock: ManualClock;
let tables: MemoryTables;
let looks: TableLooks;
/** How each table was read: `all`, or without what a call each tells. */
let reads: string[];
let dropsTags = false;
/** New tables are CREATING until a test says otherwise. */
let isSlow = false;
/** What a read waits for once it has seen the table. */
let answering: Promise<void> | undefined;
beforeEach(() => {
  clock = new ManualClock();
  tables = new MemoryTables(clock);
  looks = new TableLooks(clock);
  reads = [];
  dropsTags = isSlow = false;
  answering = undefined;
});

function adminOf(table: string): TableAdmin {
  const admin = tables.admin(table);
  const open = (): TableAdmin => ({
    apply: async (step, options) => {
      const onMade = (made: TableItself) => {
        if (isSlow) tables.tables.set(table, { ...tables.tables.get(table)!, status: 'CREATING' });
        options?.onMade?.(isSlow ? { ...made, status: 'CREATING' } : made);
      };
      return admin.apply(step, { ...options, onMade });
    },
    describe: async (options = {}) => {
      reads.push(`${table} ${options.sides ? 'itself' : 'all'}`);
      const observed = await admin.describe(options);
      await answering;
      if (!observed) return undefined;
      if (dropsTags) return { ...observed, tags: {}, ...options.sides };
      const { isTtlEnding, ...itself } = observed;
      return { ...itself, ...(options.sides ?? (isTtlEnding ? { isTtlEnding } : {})) };
    },
  });
  return looks.of({ table, place: 'here' }, open);
}

async function make(table: string): Promise<TableAdmin> {
  const admin = adminOf(table);
  await admin.apply(creation(table));
  return admin;
}

function creation(group: string): TableStep & { do: 'create' } {
  return {
    do: 'create',
    table: {
      billing: { mode: 'OnDemand' },
      tags: { 'kcg.dev/group-id': group },
      deletionProtection: true,
      key: undefined,
      tableClass: 'Standard',
    },
  };
}

describe('what is known of tables', () => {
  test('the first one made at a place is read to see that it keeps its tags, the next ones are known', async () => {
    const first = await make('one');
    await first.describe();
    expect(reads).toEqual(['one all']);
    const second = await make('two');
    const made = await second.describe();
    expect(made).toMatchObject({ tags: { 'kcg.dev/group-id': 'two' }, ttlAttribute: '', status: 'ACTIVE' });
    expect(looks.keySchemaOf('two')).toBe(NATIVE_KEY_SCHEMA);
    await second.apply({ do: 'enable ttl', attribute: 'ttl' });
    expect(await second.describe()).toEqual({ ...made, ttlAttribute: 'ttl' });
    expect(reads).toEqual(['one all']);
    await clock.advance(2_000);
    expect((await second.describe())?.ttlAttribute).toBe('ttl');
    expect(reads).toEqual(['one all', 'two itself']);
  });

  test('one that is being made is as the answer to that says, for the look that comes right after', async () => {
    await (await make('one')).describe();
    isSlow = true;
    const admin = await make('two');
    expect((await admin.describe())?.status).toBe('CREATING');
    expect(reads).toEqual(['one all']);
    await clock.advance(200);
    expect((await admin.describe())?.status).toBe('CREATING');
    expect(reads).toEqual(['one all', 'two itself']);
    tables.tables.get('two')!.status = 'ACTIVE';
    await clock.advance(2_000);
    expect(await admin.describe()).toMatchObject({ status: 'ACTIVE', tags: { 'kcg.dev/group-id': 'two' } });
    expect(reads).toEqual(['one all', 'two itself', 'two itself']);
  });

  test('the first one made at a place need not be read again once it has shown its tags', async () => {
    isSlow = true;
    const admin = await make('one');
    await admin.describe();
    tables.tables.get('one')!.status = 'ACTIVE';
    await clock.advance(2_000);
    await admin.describe();
    expect(reads).toEqual(['one all', 'one itself']);
  });

  test('of groups that make their table at the same time one does, and the others are told that they come second', async () => {
    const both = ['a', 'b'].map((group) => adminOf('one').apply(creation(group)));
    expect(await Promise.all(both)).toEqual(['done', 'raced']);
    expect(tables.steps).toEqual([{ table: 'one', step: creation('a') }]);
    const ttl = { do: 'enable ttl', attribute: 'ttl' } as const;
    expect(await Promise.all([1, 2].map(() => adminOf('one').apply(ttl)))).toEqual(['done', 'raced']);
    const tags = ['a', 'b'].map((team) => ({ do: 'tag', tags: { team } }) as const);
    expect(await Promise.all(tags.map((step) => adminOf('one').apply(step)))).toEqual(['done', 'done']);
    expect(tables.steps).toHaveLength(4);
  });

  test('a table that cannot be made is so for all who ask, and whoever asks after that tries again', async () => {
    tables.fault = new Error('no') as never;
    const both = await Promise.allSettled(['a', 'b'].map((group) => adminOf('one').apply(creation(group))));
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    tables.fault = undefined;
    expect(await adminOf('one').apply(creation('b'))).toBe('done');
  });

  test('is read anew for who asks for that, however short ago it was', async () => {
    const admin = await make('one');
    await admin.describe();
    tables.tables.get('one')!.pointInTimeRecovery = true;
    expect(await admin.describe()).toMatchObject({ pointInTimeRecovery: false });
    expect(await admin.describe({ anew: true })).toMatchObject({ pointInTimeRecovery: true });
    expect(reads).toEqual(['one all', 'one all']);
  });

  test('where tags are dropped, each table is read', async () => {
    dropsTags = true;
    await (await make('one')).describe();
    const made = await (await make('two')).describe();
    expect(reads).toEqual(['one all', 'two all']);
    expect(made?.tags).toEqual({});
  });

  test('one read serves all groups of a table, for a minute what costs a call each', async () => {
    await make('one');
    reads = [];
    const answers = await Promise.all([1, 2, 3].map(() => adminOf('one').describe()));
    expect(new Set(answers.map((answer) => answer?.arn)).size).toBe(1);
    await adminOf('one').describe();
    expect(reads).toEqual(['one all']);
    await clock.advance(10_000);
    await adminOf('one').describe();
    expect(reads).toEqual(['one all', 'one itself']);
    await clock.advance(60_000);
    await adminOf('one').describe();
    expect(reads).toEqual(['one all', 'one itself', 'one all']);
  });

  test('a change of it, done or refused, is followed by a read', async () => {
    const admin = await make('one');
    await admin.describe();
    await admin.apply({ do: 'tag', tags: { team: 'a' } });
    expect((await admin.describe())?.tags['team']).toBe('a');
    expect(reads).toEqual(['one all', 'one all']);
  });

  test('a look that a change overtakes is not kept, and serves nobody who asks for a new one', async () => {
    const admin = await make('one');
    const { promise, resolve } = Promise.withResolvers<void>();
    answering = promise;
    const before = admin.describe();
    await clock.advance(0);
    answering = undefined;
    await admin.apply({ do: 'tag', tags: { team: 'a' } });
    expect((await admin.describe({ anew: true }))?.tags['team']).toBe('a');
    resolve();
    expect((await before)?.tags['team']).toBeUndefined();
    expect((await admin.describe())?.tags['team']).toBe('a');
    await clock.advance(10_000);
    expect((await admin.describe())?.tags['team']).toBe('a');
  });

  test('that its time to live is ending is known for as long as the rest', async () => {
    const admin = await make('one');
    Object.assign(tables.tables.get('one')!, { ttlAttribute: 'expires', isTtlEnding: true });
    await admin.describe();
    await clock.advance(10_000);
    expect(await admin.describe()).toMatchObject({ ttlAttribute: 'expires', isTtlEnding: true });
    expect(reads).toEqual(['one all', 'one itself']);
  });

  test('one that is being changed is looked at again and again, and what costs a call each is read once', async () => {
    const admin = await make('one');
    await admin.describe();
    await admin.apply({ do: 'set billing', billing: { mode: 'OnDemand', maxReadRequestUnits: 5 } });
    tables.tables.get('one')!.status = 'UPDATING';
    const changing = { status: 'UPDATING', billing: { maxReadRequestUnits: 5 }, ttlAttribute: '' };
    for (let look = 0; look < 2; look += 1) expect(await admin.describe()).toMatchObject(changing);
    expect(reads).toEqual(['one all', 'one itself', 'one itself']);
    // Also where nobody had read it before.
    await clock.advance(60_000);
    for (let look = 0; look < 2; look += 1) await admin.describe();
    expect(reads.slice(3)).toEqual(['one all', 'one itself']);
  });

  test('a failure is told to all who wait, and the next call asks again', async () => {
    await make('one');
    const error = new Error('away') as never;
    tables.fault = error;
    const both = await Promise.allSettled([adminOf('one').describe(), adminOf('one').describe()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(reads).toEqual(['one all']);
    tables.fault = undefined;
    expect(await adminOf('one').describe()).toBeDefined();
  });

  test('what could not be read is asked for again', async () => {
    const table = 'one';
    const unread: Partial<ObservedTable> = { unread: { tags: 'no' } };
    await make(table);
    tables.tables.set(table, { ...tables.tables.get(table)!, ...unread });
    await adminOf(table).describe();
    await adminOf(table).describe();
    expect(reads).toEqual(['one all', 'one all']);
  });

  test('the key of a table is known once it was described, and forgotten when it is gone', async () => {
    expect(looks.keySchemaOf('one')).toBeUndefined();
    const admin = await make('one');
    await admin.describe();
    expect(looks.keySchemaOf('one')).toBe(NATIVE_KEY_SCHEMA);
    tables.tables.delete('one');
    await clock.advance(3_000);
    expect(await admin.describe()).toBeUndefined();
    expect(looks.keySchemaOf('one')).toBeUndefined();
  });
});
