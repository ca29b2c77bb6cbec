import { describe, expect, test } from 'vitest';
import { parseGroup, type KinesisConsumerGroup } from '../../src/api/group.ts';
import {
  leasesOptions,
  leasesTarget,
  pickGroup,
  printLeases,
  requireOneSource,
  type LeasesInput,
} from '../../src/cli/leases.ts';
import { workerKey, type Row } from '../../src/leases/row.ts';
import { parseOptions } from '../../src/lib/options.ts';
import { ownershipView } from '../../src/view/ownership-view.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const SECONDS = NOW / 1000;
const BEAT_TTL = SECONDS + 86_400;

const shards: Row[] = [
  { shard_id: 'shardId-0', epoch: 41, ref: 'w-a/i1', sequence: 'SHARD_END', ts: SECONDS - 7_300 },
  {
    shard_id: 'shardId-1',
    epoch: 43,
    ref: 'w-a/i1',
    why: 'TakenFromDead',
    last_owner: 'w-b/i2',
    sequence: '495',
    sub_sequence: 2,
    ts: SECONDS - 3,
  },
  {
    shard_id: 'shardId-2',
    epoch: 40,
    sequence: 'AT_TIMESTAMP',
    start_at: NOW - 60_000,
    parents: ['shardId-0'],
  },
  { shard_id: 'shardId-3', ref: 'app/17', ts: SECONDS - 700 },
];
const workers: Row[] = [
  {
    shard_id: workerKey('w-a'),
    incarnation: 'i1',
    beat: 120,
    state: 'live',
    revision: 2,
    restartedAt: 0,
    held: 1,
    lagging: { 'shardId-1': 12_000 },
    ttl: BEAT_TTL - 2,
    started_at: NOW - 65_000,
    node: 'n1',
    address: '10.0.0.1:8085',
  },
  {
    shard_id: workerKey('w-b'),
    incarnation: 'i2',
    beat: 7,
    state: 'dead',
    held: 3,
    fenced_by: 'w-a',
    ttl: BEAT_TTL - 90,
  },
];

function print(rows: readonly Row[], more: Partial<LeasesInput> & { silentMs?: Map<string, number> } = {}) {
  const { silentMs, ...input } = more;
  const view = ownershipView({ rows, nowMs: NOW, ...(silentMs ? { silentMs } : {}) });
  return printLeases({
    view,
    table: 't',
    groupId: 'shop.orders',
    output: undefined,
    leaseDurationMs: 15_000,
    intervalMs: 2_000,
    now: NOW,
    ...input,
  });
}

describe('what kcg leases prints', () => {
  test('shards and workers as two tables under one line that sums them up', () => {
    expect(print([...shards, ...workers])).toBe(
      [
        'group shop.orders in table t, 2 of 3 shards owned, 1 worker, lag 60s',
        '',
        'SHARD       STATE           OWNER    EPOCH   CHECKPOINTED   LAG   JUDGEMENT',
        'shardId-0   ended           w-a      41      121m ago       -     -',
        'shardId-1   owned           w-a      43      3s ago         12s   -',
        'shardId-2   free            -        40      -              60s   Stopped (NoOwner)',
        'shardId-3   other-program   app/17   -       11m ago        -     -',
        '',
        'WORKER   STATE   HELD   BEAT   LAST BEAT   REVISION',
        'w-a      live    1      120    2s ago      2',
        'w-b      dead    -      7      90s ago     0',
      ].join('\n'),
    );
  });

  test('positions, parents and where workers are with -o wide', () => {
    const lines = print([...shards, ...workers], { output: 'wide' }).split('\n');
    const cells = lines.map((line) => line.split(/ {3,}/));
    expect(cells[2]?.slice(7)).toEqual(['INCARNATION', 'BECAUSE', 'FROM', 'READ', 'POSITION', 'PARENTS']);
    expect(cells[4]?.slice(7)).toEqual(['i1', 'TakenFromDead', 'w-b/i2', '-', '495+2', '-']);
    expect(cells[5]?.slice(10)).toEqual(['-', 'AT_TIMESTAMP 2026-11-23T11:59:00.000Z', 'shardId-0']);
    expect(cells[9]?.slice(6)).toEqual(['i1', '12s', '65s ago', 'n1', '10.0.0.1:8085', '-']);
    expect(cells[10]?.at(-1)).toBe('w-a');
  });

  test('of a shard that was reset to a record, that it comes again', () => {
    const reset: Row[] = [{ shard_id: 'shardId-1', sequence: '495', sub_sequence: -1 }];
    expect(print(reset, { output: 'wide' })).toMatch(/ before 495 {3}-$/m);
    expect(JSON.parse(print(reset, { output: 'json' }))).toMatchObject({
      shards: [{ position: 'before 495' }],
    });
  });

  test('everything, with times that programs can read, as JSON', () => {
    const printed = JSON.parse(print([...shards, ...workers], { output: 'json' })) as Record<
      string,
      unknown[]
    >;
    expect(printed).toMatchObject({ table: 't', groupId: 'shop.orders' });
    expect(printed['shards']?.[1]).toEqual({
      shardId: 'shardId-1',
      state: 'owned',
      owner: 'w-a',
      incarnation: 'i1',
      epoch: 43,
      position: '495+2',
      checkpointedAt: '2026-11-23T11:59:57.000Z',
      lagMs: 12_000,
      parents: [],
      lastChange: { why: 'TakenFromDead', from: 'w-b/i2' },
    });
    expect(printed['workers']?.[0]).toMatchObject({
      worker: 'w-a',
      state: 'live',
      beat: 120,
      beatAt: '2026-11-23T11:59:58.000Z',
      startedAt: '2026-11-23T11:58:55.000Z',
      lagging: { 'shardId-1': 12_000 },
    });
  });

  test('that there is nothing yet', () => {
    expect(print([])).toBe(
      'group shop.orders in table t, 0 of 0 shards owned, 0 workers, lag unknown\n\nNo shard has a row yet.',
    );
  });
});

test('a worker that waits for the end of a pause is paused, not starting', () => {
  const waiting: Row[] = [
    { ...workers[0]!, state: 'starting' },
    { shard_id: 'group#claim', claimed_group: 'shop.orders', paused: 1 },
  ];
  expect(print(waiting)).toMatch(/^w-a {6}paused /m);
  expect(print([waiting[0]!])).toMatch(/^w-a {6}starting /m);
});

test('a handler that fails is told with what it said', () => {
  const failing: Row[] = [{ ...workers[0]!, failing: 1, failing_why: 'the handler answered 500' }];
  expect(print(failing)).toMatch(/^w-a: the handler fails on 1 shard: the handler answered 500$/m);
});

describe('a worker that may be dead', () => {
  test.each([
    ['nothing about a beat that may only be seen late', 7_000, 'live'],
    ['how long it has been silent', 12_400, 'live, silent 12s'],
  ])('watching tells %s', (_, silentMs, state) => {
    const text = print(workers, { silentMs: new Map([['w-a', silentMs]]) });
    expect(/^w-a {6}(.*?) {3}/m.exec(text)?.[1]).toBe(state);
  });

  test('one look claims nothing, and says how to find out', () => {
    const late: Row[] = [{ ...workers[0]!, ttl: BEAT_TTL - 31 }];
    expect(print(late)).toMatch(/^w-a {6}live .* 31s ago/m);
    expect(print(late)).toMatch(/w-a: no beat for long, .* add --watch\.$/);
    expect(print(workers)).not.toContain('--watch');
  });

  test('a dead one is dead, however long it is silent', () => {
    const text = print(workers, { silentMs: new Map([['w-b', 90_000]]) });
    expect(text).toMatch(/^w-b {6}dead {3}/m);
  });
});

describe('where kcg leases looks', () => {
  const group = (name: string, spec: object = {}): KinesisConsumerGroup => {
    const parsed = parseGroup({
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name, namespace: 'shop' },
      spec: { stream: { name }, handler: { log: {} }, ...spec },
    });
    if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
    return parsed.group;
  };
  const target = (argv: string[], groups: KinesisConsumerGroup[] = [], env: NodeJS.ProcessEnv = {}) =>
    targetOf(parseOptions(leasesOptions, argv, {}).options, groups, env);
  const targetOf = (
    options: Parameters<typeof leasesTarget>[0],
    groups: KinesisConsumerGroup[],
    env: NodeJS.ProcessEnv,
  ) => {
    const { file } = options;
    return leasesTarget(options, file ? { group: pickGroup(file, groups, options.group) } : undefined, env);
  };

  test('a file names table, group, region, endpoint and how long leases last', () => {
    const spec = {
      region: 'eu-west-1',
      endpoints: { dynamodb: 'http://db:8000' },
      leases: { durationSeconds: 6 },
    };
    expect(target(['-f', 'a.yaml'], [group('orders', spec)], { AWS_REGION: 'us-west-2' })).toEqual({
      table: 'kinesis-checkpoints-shop-orders',
      groupId: 'shop.orders',
      region: 'eu-west-1',
      endpoint: 'http://db:8000',
      leaseDurationMs: 6_000,
    });
  });

  test('flags win over the file', () => {
    const flags = ['--table', 't-1', '--region', 'eu-north-1', '--dynamodb-endpoint', 'http://x'];
    expect(target(['-f', 'a.yaml', ...flags], [group('orders', { region: 'eu-west-1' })])).toMatchObject({
      table: 't-1',
      groupId: 'shop.orders',
      region: 'eu-north-1',
      endpoint: 'http://x',
    });
  });

  test('the id of the group is enough', () => {
    expect(
      target(['--group', 'shop.orders'], [], { AWS_REGION: '', AWS_DEFAULT_REGION: 'eu-west-1' }),
    ).toMatchObject({
      table: 'kinesis-checkpoints-shop-orders',
      groupId: 'shop.orders',
      region: 'eu-west-1',
    });
  });

  test('of several groups in a file one is chosen by id or name', () => {
    const groups = [group('orders'), group('clicks')];
    expect(target(['-f', 'a.yaml', '--group', 'clicks'], groups).groupId).toBe('shop.clicks');
    expect(target(['-f', 'a.yaml', '--group', 'shop.orders'], groups).groupId).toBe('shop.orders');
    expect(() => target(['-f', 'a.yaml'], groups)).toThrow('a.yaml holds 2 groups');
    expect(() => target(['-f', 'a.yaml', '--group', 'x'], groups)).toThrow('a.yaml holds no group x');
  });

  test('a resource that names no region is looked for where the operator found its table', () => {
    const { options } = parseOptions(leasesOptions, [], {});
    const where = (spec: object) =>
      leasesTarget(options, { group: group('orders', spec), tableRegion: 'eu-west-1' }, {}).region;
    expect(where({})).toBe('eu-west-1');
    expect(where({ region: 'eu-north-1' })).toBe('eu-north-1');
  });

  test('the name of a resource stands alone', () => {
    const ask = (name: string | undefined, ...argv: string[]) =>
      requireOneSource('leases', name, parseOptions(leasesOptions, argv, {}).options);
    ask('orders', '--table', 't', '-n', 'shop');
    ask(undefined, '-f', 'a.yaml', '--group', 'orders');
    expect(() => ask('orders', '-f', 'a.yaml')).toThrow('the name of a resource or -f, not both');
    expect(() => ask('orders', '--group', 'x')).toThrow('the name of a resource or --group, not both');
  });

  test('without any of them it says what to name', () => {
    expect(() => target([])).toThrow('leases needs to know the table');
  });
});
