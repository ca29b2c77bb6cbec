import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { readableLogLine } from '../../src/view/log-line.ts';

const plain = (line: string) => readableLogLine(line, { source: 'orders-worker-4gxeo', colour: false });

test.each<[what: string, line: string, shown: string]>([
  [
    'time, source, message, shard and the other fields',
    '{"level":"info","time":"2026-11-28T01:42:33.140Z","worker":"orders-worker-4gxeo","shardId":"shardId-000000000001","epoch":17,"reason":"FirstOwner","message":"ShardStarted"}',
    '01:42:33 orders-worker-4gxeo ShardStarted shardId-000000000001 epoch=17 reason=FirstOwner',
  ],
  [
    'lists and objects as JSON',
    '{"level":"info","time":"2026-11-28T01:42:33.140Z","shardIds":["a","b"],"message":"ShardsAdded"}',
    '01:42:33 orders-worker-4gxeo ShardsAdded shardIds=["a","b"]',
  ],
  [
    'the error last',
    '{"level":"warn","time":"2026-11-28T01:42:33.140Z","error":"table orders: not found.","code":"NotFound","message":"TableTrouble"}',
    '01:42:33 orders-worker-4gxeo TableTrouble code=NotFound table orders: not found.',
  ],
  ['what is no JSON as it is', 'order 17 arrived', 'orders-worker-4gxeo order 17 arrived'],
  ['JSON of somebody else as it is', '{"order":17}', 'orders-worker-4gxeo {"order":17}'],
  ['half a line as it is', '{"level":"info","ti', 'orders-worker-4gxeo {"level":"info","ti'],
  ['nothing', '', 'orders-worker-4gxeo '],
])('a log line shows %s', (_, line, shown) => {
  expect(plain(line)).toBe(shown);
});

test('colours change nothing but the look, and tell warnings from the rest', () => {
  const line = (level: string) => `{"level":"${level}","time":"2026-11-28T01:42:33.140Z","message":"Said"}`;
  const coloured = (level: string) => readableLogLine(line(level), { source: 'a', colour: true });
  expect(stripVTControlCharacters(coloured('warn'))).toBe('01:42:33 a Said');
  expect(coloured('warn')).not.toBe(coloured('info'));
  expect(coloured('error')).not.toBe(coloured('warn'));
});
