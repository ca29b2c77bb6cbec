import { describe, expect, it } from 'vitest';
import { proxyFor, type Destination } from '../../src/aws/proxy.ts';

const PROXY = 'http://proxy.shop:3128';
const kinesis: Destination = { protocol: 'https:', hostname: 'kinesis.eu-west-1.amazonaws.com' };
const emulator: Destination = { protocol: 'http:', hostname: '10.96.0.5', port: 4566 };
const hrefOf = (destination: Destination, env: Record<string, string>) => proxyFor(destination, env)?.href;

describe('a request goes by a proxy', () => {
  it.each(['HTTPS_PROXY', 'https_proxy'])('over TLS when %s names one', (name) => {
    expect(hrefOf(kinesis, { [name]: PROXY })).toBe(`${PROXY}/`);
    expect(hrefOf(emulator, { [name]: PROXY })).toBeUndefined();
  });

  it.each(['HTTP_PROXY', 'http_proxy'])('in plain HTTP when %s names one', (name) => {
    expect(hrefOf(emulator, { [name]: PROXY })).toBe(`${PROXY}/`);
    expect(hrefOf(kinesis, { [name]: PROXY })).toBeUndefined();
  });

  it('that is named without a scheme', () => {
    expect(hrefOf(kinesis, { HTTPS_PROXY: 'proxy.shop:3128' })).toBe(`${PROXY}/`);
  });

  it('of lower case first', () => {
    expect(hrefOf(kinesis, { HTTPS_PROXY: 'http://other', https_proxy: PROXY })).toBe(`${PROXY}/`);
  });
});

describe('NO_PROXY', () => {
  const exempt = (destination: Destination, list: string, name = 'NO_PROXY') =>
    hrefOf(destination, { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, [name]: list }) === undefined;

  it.each([
    '*',
    'kinesis.eu-west-1.amazonaws.com',
    'Amazonaws.com',
    '.amazonaws.com',
    '*.amazonaws.com',
    'amazonaws.com:443',
    'localhost, .svc ,amazonaws.com',
  ])('exempts what it names: %s', (list) => {
    expect(exempt(kinesis, list)).toBe(true);
    expect(exempt(kinesis, list, 'no_proxy')).toBe(true);
  });

  it.each([
    's.com',
    'amazonaws.com:8443',
    'dynamodb.eu-west-1.amazonaws.com',
    '.kinesis.eu-west-1.amazonaws.com',
    '',
  ])('exempts nothing else: %s', (list) => expect(exempt(kinesis, list)).toBe(false));

  it.each(['10.96.0.5', '10.96.0.5:4566', '10.0.0.0/8', '10.96.0.5/32', '0.0.0.0/0'])(
    'exempts addresses: %s',
    (list) => expect(exempt(emulator, list)).toBe(true),
  );

  it.each(['10.96.0.6', '10.96.0.5:80', '10.97.0.0/16', '10.0.0.0/33', '10.0.0.0/x', 'fd00::/8'])(
    'leaves other addresses: %s',
    (list) => expect(exempt(emulator, list)).toBe(false),
  );

  it.each(['fd00::23', '[fd00::23]:4567', 'fd00::/8'])('exempts IPv6 addresses: %s', (list) => {
    expect(exempt({ protocol: 'http:', hostname: '[fd00::23]', port: 4567 }, list)).toBe(true);
  });
});

it.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])(
  'this machine (%s) is never proxied',
  (hostname) => {
    expect(hrefOf({ protocol: 'http:', hostname }, { HTTP_PROXY: PROXY })).toBeUndefined();
  },
);

it.each(['socks5://proxy:1080', 'http://user:secret@', ':::'])('%s is refused, and not quoted', (value) => {
  let thrown: unknown;
  try {
    proxyFor(kinesis, { HTTPS_PROXY: value });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: 'InvalidInput',
    message: 'HTTPS_PROXY does not name an HTTP proxy',
    fix: expect.stringContaining('http://proxy.example:3128'),
  });
});
