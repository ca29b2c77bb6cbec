import { describe, expect, it } from 'vitest';
import type { ForeignProgram, ForeignRow, ForeignSelection } from '../../src/import/foreign-store.ts';
import { readForeign } from '../../src/import/read-foreign.ts';
import { id } from './foreign-builders.ts';

const stream = {
  name: 'orders',
  arn: 'arn:aws:kinesis:eu-west-1:111122223333:stream/orders',
  createdAt: 1_700_000_000_000,
};
const KEYS: Record<ForeignProgram, { hash: string; range?: string } | undefined> = {
  kcl: { hash: 'leaseKey' },
  'async-kinesis': { hash: 'shard_id' },
  'vmware-go-kcl': { hash: 'ShardID' },
  'redpanda-connect': { hash: 'StreamID', range: 'ShardID' },
  harlow: { hash: 'namespace', range: 'shard_id' },
};

function read(program: ForeignProgram, rows: ForeignRow[], selection: Partial<ForeignSelection> = {}) {
  const key = KEYS[program];
  return readForeign(
    program,
    { source: 'table app', ...(key ? { key } : {}), rows },
    { stream, ...selection },
  );
}

const redis = (rows: Record<string, unknown>, selection: Partial<ForeignSelection> = {}) =>
  readForeign(
    'async-kinesis',
    {
      source: 'redis',
      rows: Object.entries(rows).map(([key, value]) => ({ key, value: JSON.stringify(value) })),
    },
    { stream, ...selection },
  );

/** `0 SEQUENCE 5`. */
const points = ({ positions }: ReturnType<typeof read>) =>
  positions.map(({ shardId, point }) => {
    const detail =
      'sequence' in point
        ? `${point.sequence}${point.subSequence === undefined ? '' : `+${point.subSequence}`}`
        : '';
    return `${Number(shardId.slice(8))} ${point.at} ${detail}`.trim();
  });

const lease = (n: number, checkpoint: string, rest: ForeignRow = {}): ForeignRow => ({
  leaseKey: id(n),
  leaseCounter: 7,
  ownerSwitchesSinceCheckpoint: 0,
  checkpoint,
  checkpointSubSequenceNumber: 0,
  ...rest,
});
const shared = (n: number, its: string, checkpoint = '5') =>
  lease(n, checkpoint, { leaseKey: `${its}:${id(n)}`, streamName: its, shardId: id(n) });

describe('KCL', () => {
  it('is read in the rows of its first version, which have no kind, range or child', () => {
    const rows = [
      lease(0, 'SHARD_END', { leaseOwner: 'a' }),
      lease(1, '5', { checkpointSubSequenceNumber: 3, parentShardId: [id(0)] }),
      lease(2, 'TRIM_HORIZON'),
      lease(3, 'LATEST'),
      lease(4, 'AT_TIMESTAMP'),
    ];
    const found = read('kcl', rows);
    expect(points(found)).toEqual([
      '0 SHARD_END',
      '1 SEQUENCE 5+3',
      '2 TRIM_HORIZON',
      '3 LATEST',
      '4 AT_TIMESTAMP',
    ]);
    expect(found.positions[1]).toMatchObject({ parents: [id(0)] });
    expect(found).toMatchObject({ version: 'KCL 1 or 2', refusals: [], dropsFinishedShards: true });
  });

  it('leaves out rows that are no leases, names each, and sees by them that it lives', () => {
    const worker = { leaseKey: 'w1', entityType: 'WORKER_METRIC_STATS', lut: 1_700_000_100 };
    const rows = [
      lease(0, '5', { entityType: 'LEASE' }),
      { leaseKey: 'Leader', entityType: 'LEADER', recordVersionNumber: 'x' },
      { leaseKey: 'Migration3.0', entityType: 'CLIENT_VERSION_MIGRATION', cv: '3X' },
      worker,
    ];
    const found = read('kcl', rows);
    expect(points(found)).toEqual(['0 SEQUENCE 5+0']);
    expect(found.skipped.map(({ row }) => row)).toEqual(['Leader', 'Migration3.0', 'w1']);
    expect(found).toMatchObject({ version: 'KCL 3.5 or newer', lastSeenMs: 1_700_000_100_000 });
    const later = read('kcl', [...rows.slice(0, 3), { ...worker, lut: 1_700_000_130 }]);
    expect(later.movement).not.toBe(found.movement);
  });

  it('moves with each renewal', () => {
    const movements = [7, 8].map((leaseCounter) => read('kcl', [lease(0, '5', { leaseCounter })]).movement);
    expect(movements[0]).not.toBe(movements[1]);
  });

  it('counts a prepared checkpoint for nothing, and says so', () => {
    const [position] = read('kcl', [lease(0, '5', { pendingCheckpoint: '9' })]).positions;
    expect(position).toMatchObject({
      point: { sequence: '5' },
      note: expect.stringContaining('9') as string,
    });
  });

  it('has numbers that are written as text, and takes a missing sub-sequence for 0 as KCL does', () => {
    const copied = lease(0, '5', { checkpointSubSequenceNumber: '3', leaseCounter: '7' });
    const { checkpointSubSequenceNumber: _, ...old } = lease(1, '5');
    // As kcg exports it, and KCL keeps it until it has read something.
    const exported = lease(2, '5', { checkpointSubSequenceNumber: 2_147_483_647 });
    const found = read('kcl', [copied, old, exported]);
    expect(points(found)).toEqual(['0 SEQUENCE 5+3', '1 SEQUENCE 5+0', '2 SEQUENCE 5']);
    expect(found.positions[0]).toMatchObject({ counter: 7 });
  });

  it('is refused when it has made no lease yet', () => {
    const found = read('kcl', [{ leaseKey: 'Leader', entityType: 'LEADER' }]);
    expect(found.refusals).toEqual([
      'table app has no lease of any shard: its application has not begun to read',
    ]);
  });

  it.each([
    ['a checkpoint that is no position', lease(0, 'soon'), 'which is no position'],
    ['a sub-sequence that is none', lease(0, '5', { checkpointSubSequenceNumber: 'x' }), '"5" and "x"'],
    ['a row without a checkpoint', { leaseKey: id(0), offset: 5 }, 'has no checkpoint: another program'],
    ['a key that is of no shard', lease(0, '5', { leaseKey: 'x' }), 'is of no shard'],
  ])('is refused for %s', (_, row, words) => {
    expect(read('kcl', [row]).refusals).toEqual([expect.stringContaining(words)]);
  });

  describe('over several streams', () => {
    const ours = '111122223333:orders:1700000000';

    it('has the leases of this stream, and moves with them alone', () => {
      const worker = { leaseKey: 'w1', entityType: 'WORKER_METRIC_STATS', lut: 1 };
      const rows = [shared(0, ours), shared(0, '111122223333:other:1700000000'), worker];
      const found = read('kcl', rows);
      expect(points(found)).toEqual(['0 SEQUENCE 5+0']);
      expect(found.skipped[1]).toEqual({
        row: `111122223333:other:1700000000:${id(0)}`,
        why: 'it is of the stream 111122223333:other:1700000000',
      });
      const others = [
        shared(0, ours),
        lease(0, '9', { leaseKey: rows[1]!['leaseKey']! }),
        { ...worker, lut: 2 },
      ];
      expect(read('kcl', others).movement).toBe(found.movement);
    });

    it('takes the stream of its creation among those of one name', () => {
      const rows = [shared(0, '111122223333:orders:1600000000', '4'), shared(1, ours)];
      expect(points(read('kcl', rows))).toEqual(['1 SEQUENCE 5+0']);
      const unclear = [rows[0]!, shared(1, '111122223333:orders:1600000001')];
      expect(read('kcl', unclear).refusals[0]).toContain('name the one that is meant');
      const knownAs = '111122223333:orders:1600000000';
      expect(points(read('kcl', unclear, { knownAs }))).toEqual(['0 SEQUENCE 4+0']);
    });

    it.each(['orders', stream.arn])('has the leases of this stream also when it is named %s', (knownAs) => {
      expect(points(read('kcl', [shared(0, ours)], { knownAs }))).toEqual(['0 SEQUENCE 5+0']);
    });

    it("is refused when it has none of this stream, also when it has another account's", () => {
      const found = read('kcl', [shared(0, '999999999999:orders:1700000000')]);
      expect(found.refusals).toEqual([
        'table app has no lease of this stream, only of 999999999999:orders:1700000000',
      ]);
    });
  });
});

describe('async-kinesis', () => {
  const row = (n: number, rest: ForeignRow = {}) => ({
    shard_id: id(n),
    ref: 'app/1',
    ts: 1_700_000_000,
    sequence: '5',
    ttl: 9,
    ...rest,
  });

  it('is read on DynamoDB, alive, stopped, and before its first checkpoint', () => {
    const found = read('async-kinesis', [
      row(0),
      row(1, { ref: null, ts: null }),
      row(2, { sequence: null }),
    ]);
    expect(points(found)).toEqual(['0 SEQUENCE 5', '1 SEQUENCE 5', '2 NONE']);
    expect(found.positions.map(({ owner }) => owner)).toEqual(['app/1', undefined, 'app/1']);
    expect(found).toMatchObject({
      expiryMs: 60_000,
      lastSeenMs: 1_700_000_000_000,
      dropsFinishedShards: true,
    });
    expect(read('async-kinesis', [row(0, { ts: 1_700_000_015 })]).movement).not.toBe(
      read('async-kinesis', [row(0)]).movement,
    );
  });

  it('is refused on a table that a group of kcg uses already', () => {
    expect(read('async-kinesis', [row(0), { shard_id: 'group#claim' }]).refusals[0]).toContain(
      'in use by a group of kcg',
    );
  });

  it('is read on Redis, of a name with hyphens', () => {
    const found = redis({ [`pyredis-my-app-${id(0)}`]: { ref: null, ts: null, sequence: '5' } });
    expect(points(found)).toEqual(['0 SEQUENCE 5']);
    expect(found).toMatchObject({ dropsFinishedShards: false, refusals: [] });
  });

  it('asks which group on Redis when there are several, one of whose names may begin with another', () => {
    const rows = {
      [`pyredis-app-${id(0)}`]: { ref: null, ts: null, sequence: '5' },
      [`pyredis-app-two-${id(0)}`]: { ref: null, ts: null, sequence: '6' },
    };
    expect(redis(rows).refusals).toEqual([
      'redis has the groups app, app-two; name the one that is meant as group',
    ]);
    const found = redis(rows, { group: 'app' });
    expect(points(found)).toEqual(['0 SEQUENCE 5']);
    expect(found.skipped).toEqual([{ row: `pyredis-app-two-${id(0)}`, why: 'it is of the group app-two' }]);
    expect(redis(rows, { group: 'three' }).refusals[0]).toContain('only of app, app-two');
  });

  it.each([
    ['x', 'does not hold the JSON object'],
    ['49680669', 'does not hold the JSON object'],
    ['{"ref": null, "ts": null}', undefined],
    ['{"offset": 5}', 'another program has written it'],
    // JSON's numbers lose their last digits here.
    ['{"ref": null, "sequence": 12345678901234567890}', 'which is no position'],
  ])('is judged by what its key holds: %s', (value, words) => {
    const rows = [{ key: `pyredis-app-${id(0)}`, value }];
    const found = readForeign('async-kinesis', { source: 'redis', rows }, { stream });
    expect(found.refusals).toEqual(words === undefined ? [] : [expect.stringContaining(words)]);
  });
});

describe('vmware-go-kcl', () => {
  it.each(['2026-11-29 07:00:10 +0000 UTC', '2026-11-29T07:00:10', 'worker 12', ''])(
    'has no time of a lease that is written as %j',
    (LeaseTimeout) => {
      const found = read('vmware-go-kcl', [{ ShardID: id(0), LeaseTimeout, Checkpoint: '5' }]);
      expect(points(found)).toEqual(['0 SEQUENCE 5']);
      expect(found).not.toHaveProperty('lastSeenMs');
    },
  );

  it('is read alive, claimed, stopped, finished, and before its first checkpoint', () => {
    const LeaseTimeout = '2026-11-29T07:00:10.12345678Z';
    const found = read('vmware-go-kcl', [
      { ShardID: id(0), LeaseTimeout, Checkpoint: 'SHARD_END' },
      { ShardID: id(1), LeaseTimeout, AssignedTo: 'w', Checkpoint: '5', ParentShardId: id(0) },
      { ShardID: id(2), LeaseTimeout, AssignedTo: 'w', ParentShardId: id(0) },
      { ShardID: id(3), LeaseTimeout, Checkpoint: '', ClaimRequest: 'v' },
    ]);
    expect(points(found)).toEqual(['0 SHARD_END', '1 SEQUENCE 5', '2 NONE', '3 NONE']);
    expect(found.positions[1]).toMatchObject({
      owner: 'w',
      parents: [id(0)],
      leasedUntilMs: Date.UTC(2026, 10, 29, 7, 0, 10, 123),
    });
  });
});

describe('Redpanda Connect', () => {
  const row = (StreamID: string, n: number, rest: ForeignRow = {}): ForeignRow => ({
    StreamID,
    ShardID: id(n),
    SequenceNumber: '5',
    ...rest,
  });

  it('is read under the name of the stream or its ARN, with times in any zone', () => {
    const LeaseTimeout = '2026-11-29T09:00:00.5+02:00';
    const rows = [
      row('orders', 0, { ClientID: 'u', LeaseTimeout }),
      row('other', 0),
      row('orders', 1, { SequenceNumber: '' }),
      // Stopped before its first record.
      { StreamID: 'orders', ShardID: id(2) },
    ];
    const found = read('redpanda-connect', rows);
    expect(points(found)).toEqual(['0 SEQUENCE 5', '1 NONE', '2 NONE']);
    expect(found.positions[0]).toMatchObject({
      owner: 'u',
      leasedUntilMs: Date.UTC(2026, 10, 29, 7, 0, 0, 500),
    });
    expect(found.skipped).toEqual([{ row: `other ${id(0)}`, why: 'it is of the stream other' }]);
    expect(points(read('redpanda-connect', [row(stream.arn, 0)]))).toEqual(['0 SEQUENCE 5']);
    expect(
      points(read('redpanda-connect', [row('arn:aws:kinesis:*:111122223333:stream/orders', 0)])),
    ).toEqual(['0 SEQUENCE 5']);
  });

  it('asks which of two spellings is meant', () => {
    const rows = [row('orders', 0), row(stream.arn, 0, { SequenceNumber: '6' })];
    expect(read('redpanda-connect', rows).refusals[0]).toContain('two groups');
    expect(points(read('redpanda-connect', rows, { knownAs: stream.arn }))).toEqual(['0 SEQUENCE 6']);
    expect(points(read('redpanda-connect', rows, { knownAs: 'orders' }))).toEqual(['0 SEQUENCE 5']);
  });

  it('knows a shard that was configured by its number, unless it has the other spelling too', () => {
    const typed = row('orders', 0, { ShardID: '0' });
    expect(points(read('redpanda-connect', [typed]))).toEqual(['0 SEQUENCE 5']);
    expect(read('redpanda-connect', [typed, row('orders', 0)]).refusals[0]).toContain('two rows');
  });

  it('is refused when it has nothing of the stream', () => {
    expect(read('redpanda-connect', [row('other', 0)]).refusals).toEqual([
      'table app has no row of this stream, only of other',
    ]);
  });
});

describe('harlow/kinesis-consumer', () => {
  const count = (namespace: string, n: number, sequence_number = '5') => ({
    namespace,
    shard_id: id(n),
    sequence_number,
  });
  const held = (namespace: string, n: number, rest: ForeignRow = {}): ForeignRow => ({
    namespace,
    shard_id: `LEASE#${id(n)}`,
    lease_owner: '',
    lease_expires_at: 0,
    parent_shard_id: '',
    adjacent_parent_shard_id: '',
    completed: false,
    ...rest,
  });

  it('has a number per shard, and nothing that tells whether it runs', () => {
    const found = read('harlow', [count('app-orders', 0), count('app-other', 0)]);
    expect(points(found)).toEqual(['0 SEQUENCE 5']);
    expect(found).toMatchObject({ isSilentWhenIdle: true, skipped: [{ row: `app-other ${id(0)}` }] });
  });

  it('asks which application is meant', () => {
    const rows = [count('a-orders', 0), count('a-x-orders', 0, '6')];
    expect(read('harlow', rows).refusals[0]).toContain('applications a, a-x');
    expect(points(read('harlow', rows, { group: 'a-x' }))).toEqual(['0 SEQUENCE 6']);
    expect(read('harlow', rows, { group: 'b' }).refusals[0]).toContain('no rows of b-orders');
  });

  it('reads leases and workers of a group beside the numbers, under its name or the only other', () => {
    const worker = {
      namespace: 'team#orders',
      shard_id: 'WORKER#w',
      worker_id: 'w',
      worker_expires_at: 1_700_000_020_000,
      ttl: 9,
    };
    const rows = (group: string): ForeignRow[] => [
      count('team-orders', 0),
      count('team-orders', 1, '6'),
      held(group, 0, { completed: true }),
      held(group, 1, { lease_owner: 'w', lease_expires_at: 1_700_000_030_000, parent_shard_id: id(0) }),
      held(group, 2, { parent_shard_id: id(0) }),
      { ...worker, namespace: group },
    ];
    for (const group of ['team#orders', 'other#orders']) {
      const found = read('harlow', rows(group));
      expect(points(found)).toEqual(['0 SHARD_END', '1 SEQUENCE 6', '2 NONE']);
      expect(found.positions[1]).toMatchObject({
        owner: 'w',
        parents: [id(0)],
        leasedUntilMs: 1_700_000_030_000,
      });
      expect(found).toMatchObject({ isSilentWhenIdle: false, lastSeenMs: 1_700_000_010_000, refusals: [] });
      expect(found.skipped).toEqual([{ row: `${group} WORKER#w`, why: 'it is of a worker' }]);
    }
  });

  it('is refused when a table has the leases of a group alone', () => {
    expect(read('harlow', [held('team#orders', 0)]).refusals[0]).toContain(
      'give the table of its checkpoint store',
    );
  });
});

describe("another program's table", () => {
  it.each<[ForeignProgram, ForeignRow]>([
    ['async-kinesis', { shard_id: id(0), checkpoint: '5' }],
    ['vmware-go-kcl', { ShardID: id(0), checkpoint: '5' }],
    ['redpanda-connect', { StreamID: 'orders', ShardID: id(0), Checkpoint: '5' }],
    // As Benthos 3 wrote them for its input kinesis.
    ['harlow', { namespace: 'app-orders', shard_id: id(0), sequence: '5' }],
  ])('is refused as %s by its rows where it has the same key', (program, row) => {
    const { refusals, positions } = read(program, [row]);
    expect({ refusals, positions }).toEqual({
      refusals: [expect.stringContaining('another program has written it')],
      positions: [],
    });
  });

  it.each([
    ['kcl', { hash: 'ShardID' }, "vmware-go-kcl's"],
    ['vmware-go-kcl', { hash: 'StreamID', range: 'ShardID' }, "redpanda-connect's"],
    ['redpanda-connect', { hash: 'namespace', range: 'shard_id' }, "harlow's"],
    ['harlow', { hash: 'group_id', range: 'shard_id' }, "kcg's"],
    ['async-kinesis', { hash: 'leaseKey' }, "kcl's"],
    ['kcl', { hash: 'pk' }, 'of no program that is known here'],
    ['kcl', { hash: 'wid' }, 'the measurements of kcl'],
  ] as const)('is refused as %s, and named', (program, key, whose) => {
    const { refusals } = readForeign(program, { source: 'table app', key, rows: [] }, { stream });
    expect(refusals).toEqual([expect.stringContaining(whose)]);
  });
});
