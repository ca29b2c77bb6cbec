import { expect, test } from 'vitest';
import { decodeLease } from '../../src/leases/lease.ts';
import { givenUpOf } from '../../src/view/given-up.ts';
import { aLease } from '../support/builders.ts';

const late = { records: 3, at: 2_000, why: 'RetryAttemptsExhausted' };
const early = { records: 40, at: 1_000, why: 'RecordAgeExceeded' };

test('what was given up is the sum of all shards, with the last time, its shard and its reason', () => {
  const leases = [
    aLease({ shardId: 'a', givenUp: late }),
    aLease({ shardId: 'b', givenUp: early }),
    aLease(),
  ];
  const sum = { records: 43, at: 2_000, why: 'RetryAttemptsExhausted', shardId: 'a' };
  expect(givenUpOf(leases)).toEqual(sum);
  expect(givenUpOf(leases.toReversed())).toEqual(sum);
});

test('of shards that gave up nothing there is nothing to tell', () => {
  expect(givenUpOf([aLease(), decodeLease({ shard_id: 'a' })])).toBeUndefined();
});

test('a row tells what its writes have said', () => {
  const row = { shard_id: 'a', given_up: 3, given_up_at: 2_000, given_up_why: 'RetryAttemptsExhausted' };
  expect(decodeLease(row).givenUp).toEqual(late);
});
