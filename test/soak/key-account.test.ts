import { describe, expect, it } from 'vitest';
import { dataOf, KeyAccount, recordOf, type RecordKind } from './key-account.ts';

/** An account of key `a` in which these were put, numbered from 1. */
function accountOf(...kinds: RecordKind[]): KeyAccount {
  const account = new KeyAccount();
  for (const kind of kinds) account.put('a', kind);
  return account;
}
const record = (number: number, kind: RecordKind = 'fine') => ({ key: 'a', number, kind });

describe("the soak's account of a key", () => {
  it('reads a record as it was put, whatever it weighs', () => {
    const data = dataOf({ number: 12, kind: 'hangs' }, 100);
    expect(data).toHaveLength(100);
    expect(recordOf('a', data)).toEqual(record(12, 'hangs'));
  });

  it('misses nothing once all that is fine is delivered and all poison is at the destination', () => {
    const account = accountOf('fine', 'throws', 'fine');
    account.delivered([record(1)], 'w1');
    expect(account.figures.missing).toBe(2);
    account.givenUp([record(2, 'throws')]);
    account.delivered([record(3)], 'w1');
    expect(account.figures).toEqual({ put: 3, poison: 1, delivered: 2, again: 0, givenUp: 1, missing: 0 });
    expect(account.breaches).toEqual([]);
  });

  it('lets records come again, from any one that has come', () => {
    const account = accountOf('fine', 'reports', 'fine');
    account.delivered([record(1)], 'w1');
    account.givenUp([record(2, 'reports')]);
    account.givenUp([record(2, 'reports')]);
    account.delivered([record(1), record(3)], 'w2');
    expect(account.figures).toMatchObject({ again: 1, givenUp: 1, missing: 0 });
    expect(account.breaches).toEqual([]);
  });

  it.each([
    ['a record in front is neither delivered nor given up', [1, 3], ['w1 delivered a 3 after 1']],
    ['poison is delivered', [1, 2], ['w1 delivered a 2, which throws']],
  ])('breaks when %s', (_, numbers, breaches) => {
    const account = accountOf('fine', 'throws', 'fine');
    for (const number of numbers) account.delivered([record(number, number === 2 ? 'throws' : 'fine')], 'w1');
    expect(account.breaches).toEqual(breaches);
  });

  it('breaks when the destination gets what is fine, or poison before its turn', () => {
    const account = accountOf('fine', 'throws', 'throws');
    account.givenUp([record(1)]);
    account.givenUp([record(3, 'throws')]);
    expect(account.breaches).toEqual(['a 1, which is fine, was given up', 'a 3 was given up after 1']);
    expect(account.missing).toEqual(['a 2']);
  });
});
