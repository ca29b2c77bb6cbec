import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { Bookings } from '../../src/operator/bookings.ts';

const group = (uid: string, created?: boolean): StoredObject => ({
  apiVersion: 'kcg.dev/v1alpha1',
  kind: 'KinesisConsumerGroup',
  metadata: { name: uid, namespace: 'shop', uid, resourceVersion: '1' },
  ...(created === undefined ? {} : { status: { table: { created } } }),
});

test('a table that is booked counts before any status shows it, until it is freed or its group is gone', () => {
  const booked = new Bookings();
  expect(booked.bookTable('a', { others: [group('b')], most: 1 })).toEqual({ isBooked: true, holders: [] });
  const ask = () => booked.bookTable('b', { others: [group('a')], most: 1 });
  expect(ask()).toEqual({ isBooked: false, holders: [group('a')] });
  booked.freeTable('a');
  expect(ask().isBooked).toBe(true);
  booked.forget('b');
  expect(booked.bookTable('a', { others: [group('b')], most: 1 }).isBooked).toBe(true);
});

test('a table that the status shows counts, one that kcg has not made does not', () => {
  const booked = new Bookings();
  const others = [group('a', true), group('b', false)];
  expect(booked.bookTable('c', { others, most: 1 }).isBooked).toBe(false);
  expect(booked.bookTable('c', { others, most: 2 }).isBooked).toBe(true);
});

test('replicas that are decided are known at once, and forgotten with their group', () => {
  const booked = new Bookings();
  expect(booked.replicasOf('a')).toBeUndefined();
  booked.bookReplicas('a', 3);
  expect(booked.replicasOf('a')).toBe(3);
  booked.forget('a');
  expect(booked.replicasOf('a')).toBeUndefined();
});
