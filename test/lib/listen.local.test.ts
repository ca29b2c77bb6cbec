import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ALL_ADDRESSES, listen } from '../../src/lib/listen.ts';

let server: Server;
beforeEach(() => {
  server = createServer((_, response) => response.end('here'));
});
afterEach(() => {
  server.close();
});

/** A kernel that refuses IPv6 with `code`. */
function refuseIpv6(code: string): void {
  const bind = server.listen.bind(server) as (port: number, host: string, done: () => void) => Server;
  const refuse = (port: number, host: string, done: () => void) => {
    if (!host.includes(':')) return bind(port, host, done);
    queueMicrotask(() => server.emit('error', Object.assign(new Error(code), { code })));
    return server;
  };
  server.listen = refuse as Server['listen'];
}

describe('listening on all addresses', () => {
  test.each(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])('falls back to IPv4 after %s', async (code) => {
    refuseIpv6(code);
    await listen(server, 0, ALL_ADDRESSES);
    expect(server.address()).toMatchObject({ address: '0.0.0.0' });
  });

  test('answers on IPv4', async () => {
    await listen(server, 0, ALL_ADDRESSES);
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('here');
  });

  test('tells of a port in use', async () => {
    await listen(server, 0, ALL_ADDRESSES);
    const { port } = server.address() as AddressInfo;
    await expect(listen(createServer(), port, ALL_ADDRESSES)).rejects.toMatchObject({ code: 'Conflict' });
  });
});

test('an address that was chosen is not replaced by another', async () => {
  refuseIpv6('EADDRNOTAVAIL');
  await expect(listen(server, 0, '::1')).rejects.toMatchObject({ code: 'InvalidInput' });
});
