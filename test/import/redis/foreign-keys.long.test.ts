import { afterEach, expect, it, vi } from 'vitest';
import { ForeignKeys } from '../../../src/import/redis/foreign-keys.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';

const servers: RedisServer[] = [];
afterEach(async () => {
  for (const { program } of servers.splice(0)) await program.stop();
});

async function aServer(...options: string[]): Promise<RedisServer> {
  const server = await startRedis(...options);
  servers.push(server);
  return server;
}

const keysOf = (url: string, password?: string) => new ForeignKeys({ clock, url, password });

it('brings all keys of async-kinesis, and no others, of the database in the URL', async () => {
  const { port, cli } = await aServer();
  await cli(
    'eval',
    `for i = 1, 1200 do redis.call('set', 'pyredis-app-' .. i, '{"n":' .. i .. '}') end`,
    '0',
  );
  await cli('set', 'other', '1');
  await cli('lpush', 'pyredis-list', '1');
  await cli('-n', '3', 'set', 'pyredis-app-x', '{}');
  const url = `redis://127.0.0.1:${port}`;
  const { source, key, rows } = await keysOf(url).read();
  expect({ source, key, count: rows.length }).toEqual({ source: url, key: undefined, count: 1201 });
  expect(rows).toContainEqual({ key: 'pyredis-app-1200', value: '{"n":1200}' });
  expect(rows).toContainEqual({ key: 'pyredis-list', value: null });
  expect((await keysOf(`${url}/3`).read()).rows).toEqual([{ key: 'pyredis-app-x', value: '{}' }]);
});

it('logs in with the password, and says when it is refused or missing', async () => {
  const { port, cli } = await aServer('--requirepass', 'secret');
  await cli('--no-auth-warning', '-a', 'secret', 'set', 'pyredis-app-x', '{}');
  const url = `redis://127.0.0.1:${port}`;
  expect((await keysOf(url, 'secret').read()).rows).toHaveLength(1);
  await expect(keysOf(url, 'wrong').read()).rejects.toMatchObject({ code: 'Credentials', resource: url });
  await expect(keysOf(url).read()).rejects.toMatchObject({ code: 'Credentials', resource: url });
});

it('brings the keys of all nodes of a cluster', async () => {
  const nodes = await Promise.all([1, 2, 3].map(() => aServer('--cluster-enabled', 'yes')));
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await nodes[0]!.cli('--cluster', 'create', ...addresses, '--cluster-yes');
  await vi.waitFor(async () => {
    for (const { cli } of nodes) expect(await cli('cluster', 'info')).toContain('cluster_state:ok');
  }, 120_000);
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) await nodes[0]!.cli('-c', 'set', `pyredis-app-${n}`, '{}');
  const { rows } = await keysOf(`redis://${addresses[1]}`).read();
  const expected = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ key: `pyredis-app-${n}`, value: '{}' }));
  expect(new Set(rows)).toEqual(new Set(expected));
});

it('says that nobody listens', async () => {
  const { port, program } = await aServer();
  await program.stop();
  await expect(keysOf(`redis://127.0.0.1:${port}`).read()).rejects.toMatchObject({ code: 'Unavailable' });
});
