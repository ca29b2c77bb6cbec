import { describe, expect, it } from 'vitest';
import { isAllowedHost } from '../../src/dashboard/hosts.ts';

describe('the host that a request names', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:8082',
    '[::1]:8082',
    '[::1]',
    'localhost:8082',
    'LOCALHOST',
    'kcg.localhost:1',
    '10.1.2.3:80',
  ])('%s is answered: no other site can give it to a browser', (host) =>
    expect(isAllowedHost(host, new Set())).toBe(true),
  );

  it.each([
    undefined,
    '',
    'rebind.example',
    'rebind.example:8082',
    '127.0.0.1.example',
    'localhost.example',
    '[::1',
    '::1:99999999',
  ])('%s is not', (host) => expect(isAllowedHost(host, new Set())).toBe(false));

  it('is answered when it is one that the dashboard was told of', () => {
    expect(isAllowedHost('kcg.shop.example:443', new Set(['kcg.shop.example']))).toBe(true);
  });
});
