import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goesOnWhereItStood, readMoment } from './goes-on.ts';
import type { Fixture } from './programs/record.ts';

/* Rows that the real programs wrote (`programs/make-fixtures.ts`); at each moment they had processed all there was. */

const folder = join(import.meta.dirname, 'fixtures');
const fixtures = readdirSync(folder).map(
  (file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Fixture,
);

it('has rows of every program that can be read', () => {
  expect(new Set(fixtures.map(({ program }) => program))).toEqual(
    new Set(['kcl', 'async-kinesis', 'vmware-go-kcl', 'redpanda-connect', 'harlow']),
  );
});

describe.each(fixtures.map((fixture) => [fixture.version, fixture] as const))('%s', (_, fixture) => {
  it.each(Object.entries(fixture.moments))(
    'goes on where it stood when %s: nothing lost, nothing twice',
    (_, moment) => {
      goesOnWhereItStood(fixture, moment);
    },
  );

  it('says what wrote it, and names each row that is no position', () => {
    for (const moment of Object.values(fixture.moments)) {
      const { positions, skipped, version } = readMoment(fixture, moment);
      const rows = new Set(positions.map(({ shardId }) => shardId));
      expect(version).not.toBe('');
      // A consumer group of harlow's has its leases beside its positions.
      const others = moment.rows.filter((row) => !JSON.stringify(row).includes('LEASE#'));
      const joined = others.filter((row) =>
        Object.values(row).some((value) => typeof value === 'string' && rows.has(value.slice(-20))),
      );
      expect(joined.length + skipped.length).toBeGreaterThanOrEqual(others.length);
    }
  });
});
