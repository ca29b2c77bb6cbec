import { beforeEach, describe, expect, it as vitestIt, vi } from 'vitest';
import {
  NATIVE_KEY_SCHEMA,
  type NewTable,
  type ObservedTable,
  type TableAdmin,
  type TableItself,
} from '../../src/table/table-admin.ts';

export interface TableAdminFixture {
  /** The control plane of a table that nobody has created. */
  admin: TableAdmin;
  /** Another party's view of the same table. */
  other: TableAdmin;
}

const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const plain: NewTable = {
  billing: { mode: 'OnDemand' },
  tags: {},
  deletionProtection: false,
  key: undefined,
  tableClass: 'Standard',
};

/**
 * What every `TableAdmin` does, for a table that does not exist yet. `lacks` names what the service behind it does
 * otherwise: such a test has to fail, so that it is noticed when it no longer does.
 */
export function tableAdminContract(
  setUp: () => Promise<TableAdminFixture>,
  lacks: readonly string[] = [],
): void {
  let timeout = 0;
  const it = (title: string, test: () => Promise<void>) => {
    const fails = lacks.includes(title);
    (fails ? vitestIt.fails : vitestIt)(title, () => {
      // What has to fail is not waited for.
      timeout = fails ? 20_000 : 300_000;
      return test();
    });
  };
  let admin: TableAdmin;
  let other: TableAdmin;
  beforeEach(async () => {
    ({ admin, other } = await setUp());
  });

  const active = () =>
    vi.waitFor(
      async (): Promise<ObservedTable> => {
        const table = await admin.describe();
        expect(table?.status).toBe('ACTIVE');
        return table!;
      },
      { timeout, interval: 20 },
    );
  const gone = () =>
    vi.waitFor(async () => expect(await admin.describe()).toBeUndefined(), { timeout, interval: 20 });
  const created = async (table: Partial<NewTable> = {}) => {
    await admin.apply({ do: 'create', table: { ...plain, ...table } });
    return active();
  };

  describe('creating', () => {
    it('there is no table before', async () => {
      expect(await admin.describe()).toBeUndefined();
    });

    it('tells of the table what the next look shows', async () => {
      const made: TableItself[] = [];
      await admin.apply({ do: 'create', table: plain }, { onMade: (table) => made.push(table) });
      const { ttlAttribute: _, tags: __, pointInTimeRecovery: ___, unread: ____, ...seen } = await active();
      expect(made).toEqual([expect.objectContaining({ ...seen, status: made[0]?.status })]);
    });

    it('makes a plain table with the native key', async () => {
      const table = await created();
      expect(table).toMatchObject({
        status: 'ACTIVE',
        keySchema: NATIVE_KEY_SCHEMA,
        billing: { mode: 'OnDemand' },
        ttlAttribute: '',
        tags: {},
        pointInTimeRecovery: false,
        deletionProtection: false,
        tableClass: 'Standard',
      });
      expect(table.kmsKeyArn).toBeUndefined();
      expect(table.unread).toBeUndefined();
      expect(table.arn).toMatch(new RegExp(`^arn:aws:dynamodb:.*:table/${table.name}$`));
      expect(table.createdAt).toBeGreaterThan(0);
    });

    it('takes every setting', async () => {
      const settings: NewTable = {
        billing: { mode: 'Provisioned', readCapacityUnits: 3, writeCapacityUnits: 4 },
        tags: { 'kcg.dev/created-by': 'kcg', team: 'shop' },
        deletionProtection: true,
        key: { kmsKeyArn: KEY },
        tableClass: 'StandardInfrequentAccess',
      };
      const { key: _, ...rest } = settings;
      expect(await created(settings)).toMatchObject({ ...rest, kmsKeyArn: KEY });
    });

    it('of two who create one is told that the other was first', async () => {
      const outcomes = await Promise.all([
        admin.apply({ do: 'create', table: { ...plain, tags: { by: 'me' } } }),
        other.apply({ do: 'create', table: { ...plain, tags: { by: 'them' } } }),
      ]);
      expect([...outcomes].sort()).toEqual(['done', 'raced']);
      const { tags } = await active();
      expect(tags).toEqual({ by: outcomes[0] === 'done' ? 'me' : 'them' });
      expect(await admin.apply({ do: 'create', table: plain })).toBe('raced');
    });
  });

  describe('changing', () => {
    it('turns time to live on, once', async () => {
      await created();
      expect(await admin.apply({ do: 'enable ttl', attribute: 'ttl' })).toBe('done');
      expect((await active()).ttlAttribute).toBe('ttl');
      expect(await admin.apply({ do: 'enable ttl', attribute: 'ttl' })).toBe('raced');
    });

    it('says no to time to live on a second attribute', async () => {
      await created();
      await admin.apply({ do: 'enable ttl', attribute: 'expires' });
      const again = admin.apply({ do: 'enable ttl', attribute: 'ttl' });
      await expect(again).rejects.toMatchObject({ code: 'InvalidInput' });
    });

    it('sets, overwrites and removes tags, and leaves the others', async () => {
      await created({ tags: { a: '1', theirs: 'x' } });
      await admin.apply({ do: 'tag', tags: { a: '2', b: '', 'with space': 'ä' } });
      await admin.apply({ do: 'untag', keys: ['b', 'never-there'] });
      expect((await active()).tags).toEqual({ a: '2', theirs: 'x', 'with space': 'ä' });
    });

    it('turns backups on, and off again', async () => {
      await created();
      for (const enabled of [true, false]) {
        await admin.apply({ do: 'set point-in-time recovery', enabled });
        expect((await active()).pointInTimeRecovery).toBe(enabled);
      }
    });

    it('changes billing both ways', async () => {
      await created();
      const billing = { mode: 'Provisioned' as const, readCapacityUnits: 5, writeCapacityUnits: 6 };
      await admin.apply({ do: 'set billing', billing });
      expect((await active()).billing).toEqual(billing);
      await admin.apply({ do: 'set billing', billing: { mode: 'OnDemand' } });
      expect((await active()).billing).toEqual({ mode: 'OnDemand' });
    });

    it('sets ceilings of an on-demand table, and takes them away', async () => {
      await created({ billing: { mode: 'OnDemand', maxReadRequestUnits: 7 } });
      const set = (most: { maxReadRequestUnits?: number; maxWriteRequestUnits?: number }) =>
        admin.apply({ do: 'set billing', billing: { mode: 'OnDemand', ...most } });
      expect((await active()).billing).toEqual({ mode: 'OnDemand', maxReadRequestUnits: 7 });
      await set({ maxWriteRequestUnits: 8 });
      const both = { mode: 'OnDemand', maxReadRequestUnits: 7, maxWriteRequestUnits: 8 };
      expect((await active()).billing).toEqual(both);
      await set({ maxReadRequestUnits: -1, maxWriteRequestUnits: -1 });
      expect((await active()).billing).toEqual({ mode: 'OnDemand' });
    });

    it("goes from DynamoDB's own key to the account's, and back", async () => {
      await created();
      await admin.apply({ do: 'set encryption', key: { awsKey: 'Managed' } });
      await vi.waitFor(async () => expect((await admin.describe())?.isReencrypting).toBeUndefined(), timeout);
      expect((await active()).kmsKeyArn).toMatch(/^arn:aws:kms:/);
      await admin.apply({ do: 'set encryption', key: { awsKey: 'Owned' } });
      await vi.waitFor(async () => expect((await admin.describe())?.kmsKeyArn).toBeUndefined(), timeout);
    });

    it('changes class and encryption', async () => {
      await created();
      await admin.apply({ do: 'set table class', tableClass: 'StandardInfrequentAccess' });
      await active();
      await admin.apply({ do: 'set encryption', key: { kmsKeyArn: KEY } });
      await vi.waitFor(
        async () =>
          expect(await active()).toMatchObject({ tableClass: 'StandardInfrequentAccess', kmsKeyArn: KEY }),
        { timeout, interval: 20 },
      );
    });

    it('needs the table to be there', async () => {
      const change = admin.apply({ do: 'enable ttl', attribute: 'ttl' });
      await expect(change).rejects.toMatchObject({ code: 'NotFound' });
    });
  });

  describe('deleting', () => {
    it('a protected table stays until the protection is off', async () => {
      await created({ deletionProtection: true });
      await expect(admin.apply({ do: 'delete' })).rejects.toMatchObject({ code: 'InvalidInput' });
      await admin.apply({ do: 'set deletion protection', enabled: false });
      expect((await active()).deletionProtection).toBe(false);
      expect(await admin.apply({ do: 'delete' })).toBe('done');
      await gone();
    });

    it('a table that is gone is as good as deleted', async () => {
      expect(await admin.apply({ do: 'delete' })).toBe('raced');
    });

    it('a table of the same name begins anew', async () => {
      await created({ tags: { old: 'x' } });
      await admin.apply({ do: 'enable ttl', attribute: 'ttl' });
      await admin.apply({ do: 'delete' });
      await gone();
      expect(await created()).toMatchObject({ tags: {}, ttlAttribute: '' });
    });
  });
}
