import { describe, expect, test } from 'vitest';
import {
  groupIdOf,
  parseGroup,
  regionOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../../src/api/group.ts';
import { ARN, groupOf, SPEC_TABLE } from './spec-table.ts';

describe('the edge takes and refuses what the table says', () => {
  test.for(SPEC_TABLE.map((each) => [each.name, each] as const))('%s', ([, { refused, ...patch }]) => {
    const parsed = parseGroup(groupOf(patch));
    const problems = parsed.outcome === 'ok' ? [] : parsed.problems;
    if (refused === undefined) expect(problems).toEqual([]);
    else expect(problems.join('\n')).toContain(typeof refused === 'string' ? refused : refused.edge);
  });
});

describe('what is not in its form is complained of once', () => {
  test.each([
    { endpoints: { kinesis: 'localhost:4566' } },
    { endpoints: { kinesis: '127.0.0.1' } },
    { endpoints: { kinesis: 'tcp://kinesis:4566' } },
    { region: 'eu-west-1', stream: { arn: 'orders' } },
    { region: 'eu-west-1', stream: { arn: 'arn:orders' } },
  ])('%j', (change) => {
    expect(parseGroup(groupOf({ change }))).toMatchObject({
      problems: [expect.stringContaining('is not in the right form; write for example')],
    });
  });
});

describe('schedules that the API server cannot judge', () => {
  test.each([
    [
      'a zone, misspelt',
      { timeZone: 'Europe/Berln' },
      'timeZone: there is no time zone Europe/Berln; did you mean Europe/Berlin?',
    ],
    ['an hour that no day has', { start: '0 25 * * *' }, 'start: Invalid value for hour: 25'],
    ['a day that no year has', { end: '0 0 30 2 *' }, 'end: there is no such day'],
  ])('%s', (_, change, problem) => {
    const day = { name: 'day', start: '0 8 * * *', end: '0 18 * * *', minReplicas: 2, ...change };
    const read = parseGroup(groupOf({ change: { scaling: { schedules: [day] } } }));
    expect(read).toMatchObject({ problems: [`spec.scaling.schedules[0].${problem}`] });
  });
  test('a zone by a name that is not the usual one is taken', () => {
    const day = {
      name: 'day',
      timeZone: 'europe/berlin',
      start: '0 8 * * *',
      end: '0 18 * * *',
      minReplicas: 2,
    };
    expect(parsed({ scaling: { schedules: [day] } }).spec.scaling.schedules).toHaveLength(1);
  });
});

function parsed(
  change: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): KinesisConsumerGroup {
  const result = parseGroup(groupOf({ change, metadata }));
  if (result.outcome === 'refused') throw new Error(result.problems.join('\n'));
  return result.group;
}

describe('what is derived', () => {
  test('the group id is that of the spec, else namespace and name', () => {
    expect(groupIdOf(parsed({}, { namespace: 'shop' }))).toBe('shop.orders');
    expect(groupIdOf(parsed({ groupId: 'mine' }))).toBe('mine');
  });

  test('the table is that of the spec, else named after the group id', () => {
    expect(tableNameOf(parsed({}, { namespace: 'shop' }))).toBe('kinesis-checkpoints-shop-orders');
    expect(tableNameOf(parsed({ groupId: 'a.b.c' }))).toBe('kinesis-checkpoints-a-b-c');
    expect(tableNameOf(parsed({ checkpoints: { table: { name: 'positions' } } }))).toBe('positions');
  });

  test('the longest names still give a table name that DynamoDB takes', () => {
    const name = tableNameOf(parsed({}, { namespace: 'n'.repeat(63), name: 'o'.repeat(63) }));
    expect(name.length).toBeLessThanOrEqual(255);
  });

  test('the stream name may come from the ARN', () => {
    expect(streamNameOf(parsed())).toBe('orders');
    expect(streamNameOf(parsed({ stream: { arn: ARN } }))).toBe('orders');
  });

  test('the region is that of the spec, else of the ARN, else the default, else not known', () => {
    expect(regionOf(parsed({ region: 'eu-west-2' }), 'us-west-2')).toBe('eu-west-2');
    expect(regionOf(parsed({ stream: { arn: ARN } }), 'us-west-2')).toBe('eu-west-1');
    expect(regionOf(parsed(), 'us-west-2')).toBe('us-west-2');
    expect(regionOf(parsed(), undefined)).toBeUndefined();
  });
});

describe('what is around the spec', () => {
  test('a file needs neither a namespace nor what only a server sets', () => {
    const { metadata } = parsed({}, { namespace: undefined });
    expect(metadata).toMatchObject({
      namespace: 'default',
      uid: '',
      generation: 0,
      annotations: {},
      finalizers: [],
    });
  });

  test('what kubectl prints can be read', () => {
    const printed = { creationTimestamp: null, managedFields: [{}], labels: null, selfLink: '' };
    expect(parsed({}, printed).metadata.creationTimestamp).toBe('');
  });

  test('a status that this release cannot read is no reason to refuse the group', () => {
    const result = parseGroup({ ...groupOf({}), status: { replicas: 'many' } });
    expect(result).toMatchObject({ outcome: 'ok', group: { status: undefined } });
    const good = parseGroup({ ...groupOf({}), status: { replicas: 3, comesLater: true } });
    expect(good).toMatchObject({ outcome: 'ok', group: { status: { replicas: 3 } } });
  });

  test.for([
    [{ kind: 'Pod' }, 'kind: has to be KinesisConsumerGroup, not "Pod"'],
    [{ apiVersion: 'kcg.dev/v1' }, 'apiVersion: has to be kcg.dev/v1alpha1, not "kcg.dev/v1"'],
    [{ kind: undefined }, 'kind: is required; set it to KinesisConsumerGroup'],
    [
      { metadata: undefined },
      'metadata: is required; set it to a map of fields: name, namespace, uid, generation, …',
    ],
    [{ metadata: {} }, 'metadata.name: is required; set it to a string'],
    [{ spec: [] }, 'spec: has to be a map of fields, not []'],
    [{ specs: {} }, 'specs: unknown field; did you mean spec?'],
  ] as const)('%j is refused', ([change, problem]) => {
    expect(parseGroup({ ...groupOf({}), ...change })).toEqual({ outcome: 'refused', problems: [problem] });
  });

  test.for([null, undefined, 3, 'text', []])('%j is refused in one line', (input) => {
    const result = parseGroup(input);
    expect(result.outcome === 'refused' && result.problems).toHaveLength(1);
  });
});
