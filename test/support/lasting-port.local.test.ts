import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { lastingPort } from './lasting-port.ts';

test('no two are given the same port, whether they listen on it already or not', async () => {
  const pairs = await Promise.all(Array.from({ length: 10 }, () => lastingPort(10_000)));
  const single = await Promise.all(Array.from({ length: 20 }, () => lastingPort()));
  const ports = [...single, ...pairs, ...pairs.map((port) => port + 10_000)];
  expect(new Set(ports).size).toBe(40);
  expect(Math.max(...ports)).toBeLessThan(32_768);
  for (const port of ports) {
    const other = createSocket('udp4');
    onTestFinished(() => void other.close());
    other.bind({ port, address: '127.0.0.1' });
    const [error] = (await once(other, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('EADDRINUSE');
  }
});
