import { gzipSync } from 'node:zlib';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { until } from '../support/until.ts';
import { encodeAggregate } from '../support/encode-aggregate.ts';

/* kcg tail and kcg put on a stream of the local Kinesis, by name, by file, and with no group at all. */

let kinesis: LocalKinesis;
let folder: string;

beforeAll(async () => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
  folder = mkdtempSync(join(tmpdir(), 'kcg-tail-'));
  const twin = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis = await startLocalKinesis({ kinesis: twin });
  twin.createStream({ name: 'orders', shardCount: 1 });
  writeFileSync(
    join(folder, 'group.yaml'),
    `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: shop}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}, format: Json, compression: Gzip, filters: [{pattern: '{"data":{"type":["order"]}}'}]}
`,
  );
});
afterAll(async () => {
  await kinesis.close();
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});
let streams = 0;
let stream: string;
beforeEach(() => {
  stream = `s${(streams += 1)}`;
  kinesis.kinesis.createStream({ name: stream, shardCount: 2 });
});

const put = (partitionKey: string, data: string | Uint8Array) =>
  kinesis.kinesis.putRecord(stream, { partitionKey, data: Buffer.from(data) });
const at = () => ['--kinesis-endpoint', kinesis.endpoint, '--region', 'eu-west-1'];
const tail = (...more: string[]) =>
  kcgHere(['tail', '--stream', stream, ...at(), '--from', 'TRIM_HORIZON', '--no-follow', ...more]);
const dataOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').slice(2).join(' '));

describe('kcg tail', () => {
  test('shows each record with time, shard and key, and warns of the reads that it shares', async () => {
    put('a', 'one');
    const { code, stdout, stderr } = await tail();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} shard-\d a one\n$/);
    expect(stderr).toBe(
      'warning: reads each of 2 shards once a second, of the 5 reads and 2 MB a second that all polling readers of a shard share\n',
    );
  });

  test('opens KPL aggregates, and shows what is no text as base64 and no escape as it is', async () => {
    put(
      'a',
      encodeAggregate(
        [
          ['k1', 'first'],
          ['k2', '\u001b[2Jsecond'],
        ].map(([partitionKey = '', text = '']) => ({ partitionKey, data: Buffer.from(text) })),
      ),
    );
    put('a', Buffer.from([0xff, 0x00]));
    expect(dataOf((await tail()).stdout)).toEqual(['k1 first', 'k2 \\x1b[2Jsecond', 'a base64:/wA=']);
  });

  test("decodes and filters as the group's handler would, and shows the rest when told to", async () => {
    const values = [
      { type: 'order', n: 1 },
      { type: 'other', n: 2 },
    ];
    const records = [...values.map((value) => gzipSync(JSON.stringify(value))), Buffer.from('no gzip')];
    for (const data of records) kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data });
    // No table is there to be written.
    const dead = ['--dynamodb-endpoint', 'http://127.0.0.1:1'];
    const run = (...more: string[]) =>
      kcgHere([
        'tail',
        '-f',
        join(folder, 'group.yaml'),
        ...at(),
        ...dead,
        '--from',
        'TRIM_HORIZON',
        '--no-follow',
        ...more,
      ]);
    const filtered = await run();
    expect(dataOf(filtered.stdout)).toEqual(['a {"type":"order","n":1}']);
    expect(filtered.stderr).toContain('2 more did not pass the filters: --all shows them');
    expect(dataOf((await run('--all')).stdout)[2]).toBe(
      'a no gzip (its data is not gzip: incorrect header check)',
    );
    const other = await run(
      '--filter',
      '{"data":{"type":["other"],"n":[{"numeric":[">",1,"<",5]}]}}',
      '-o',
      'json',
    );
    expect(JSON.parse(other.stdout)).toMatchObject({ partitionKey: 'a', value: { type: 'other', n: 2 } });
  });

  test('ends after so many, keeps to shards, and follows children of a reshard', async () => {
    for (let n = 0; n < 5; n += 1) put('a', `n${n}`);
    expect((await tail('--limit', '2')).stdout.trimEnd().split('\n')).toHaveLength(2);
    const [zero, one] = [await tail('--shard', '0'), await tail('--shard', '1')];
    expect([zero.stdout, one.stdout].filter((text) => text === '')).toHaveLength(1);
    expect(await tail('--shard', '01')).toEqual(one);
    expect(await tail('--shard', '7')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no shard 7') as string,
    });
    const [first, second] = kinesis.kinesis.listShards(stream).shards;
    kinesis.kinesis.mergeShards(stream, first!.shardId, second!.shardId);
    put('a', 'child');
    expect(dataOf((await tail()).stdout)).toEqual(['a n0', 'a n1', 'a n2', 'a n3', 'a n4', 'a child']);
  });

  test.each([
    [['--from', 'yesterday'], '--from takes TRIM_HORIZON, LATEST or a time'],
    [['--since', '5'], '--since takes a time'],
    [['--filter', '{"data":{"a":1}}'], '--filter'],
    [['--since', '5m', '--from', 'LATEST'], 'not both'],
  ])('refuses %j before anything is asked', async (flags, says) => {
    const { code, stderr } = await kcgHere(['tail', '--stream', stream, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });
});

describe('kcg put', () => {
  const putting = (...more: string[]) => kcgHere(['put', '--stream', stream, ...at(), ...more]);

  test('puts a text under a key, or into a shard', async () => {
    const { code, stdout } = await putting('--partition-key', 'k', '--data', 'hello');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shardId-\d+ \d+\n$/);
    const there = await putting('--data', 'x', '--shard', '1', '-o', 'json');
    expect(JSON.parse(there.stdout)).toMatchObject({ shardId: 'shardId-000000000001' });
    expect(dataOf((await tail()).stdout)).toContain('k hello');
  });

  test("puts into the stream that is named, not into that of the group's file", async () => {
    const file = ['-f', join(folder, 'group.yaml')];
    expect(await putting(...file, '--partition-key', 'k', '--data', 'here')).toMatchObject({ code: 0 });
    expect(dataOf((await tail()).stdout)).toEqual(['k here']);
  });

  test('ends when it is told to while it waits for a line', async () => {
    const input = new PassThrough();
    const stdin = vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as unknown as typeof process.stdin);
    onTestFinished(() => stdin.mockRestore());
    const stop = new AbortController();
    const run = kcgHere(['put', '--stream', stream, ...at()], {}, stop.signal);
    await until('it waits for a line', () => input.readableFlowing);
    stop.abort();
    expect(await run).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  test('says where records would go, and puts none, in a dry run', async () => {
    expect((await putting('--data', 'x', '--explicit-hash-key', '0', '--dry-run')).stdout).toMatch(
      /^shardId-000000000000 key /,
    );
    expect((await tail()).stdout).toBe('');
  });

  test.each([
    [['--data', 'x', '--data-file', 'y'], 'not both'],
    [['--data-file', '/nowhere/x'], '/nowhere/x cannot be read'],
    [['--data', 'x', '--explicit-hash-key', '-1'], '--explicit-hash-key takes a number'],
    [['--data', 'x', '--shard', '1', '--explicit-hash-key', '1'], 'not both'],
  ])('refuses %j', async (flags, says) => {
    const { code, stderr } = await putting(...flags);
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });
});
