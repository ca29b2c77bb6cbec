/*
 * IP addresses as hexadecimal digits, 8 for IPv4 and 32 for IPv6, so that text order is address order. Taken are the forms
 * that the JDK takes, which AWS's engine reads them with: no shortened IPv4, and ::ffff:102:304 is 1.2.3.4.
 */

const MAPPED = '0'.repeat(20) + 'FFFF';

/** Digits of `text`; undefined when it is no address. */
export function ipDigits(text: string): string | undefined {
  if (text.length > 1000) return undefined;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(text)) return ipv4Digits(text);
  if (!/^[0-9a-fA-F:]*:[0-9a-fA-F:]*$/.test(text)) return undefined;
  const digits = ipv6Digits(text);
  return digits?.startsWith(MAPPED) ? digits.slice(MAPPED.length) : digits;
}

function ipv4Digits(text: string): string | undefined {
  const bytes = text.split('.').map(Number);
  if (text.length > 15 || bytes.some((byte) => byte > 255)) return undefined;
  return bytes.map((byte) => hex(byte, 2)).join('');
}

function ipv6Digits(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (groups.some((group) => group === '' || Number.parseInt(group, 16) > 0xffff)) return undefined;
  return groups.map((group) => hex(Number.parseInt(group, 16), 4)).join('');
}

/** Lowest and highest address of a block such as 10.0.0.0/8; a sentence when it is none. */
export function cidrRange(text: string): { low: string; high: string } | string {
  const [address = '', bits = '', ...more] = text.split('/');
  const digits = ipDigits(address);
  if (digits === undefined || more.length > 0 || !/^\+?\d{1,9}$/.test(bits))
    return 'is no block of addresses; write it as 10.0.0.0/8';
  const size = digits.length * 4;
  if (Number(bits) >= size)
    return `has more than ${size - 1} bits in its mask; write a single address as a text`;
  const free = (1n << BigInt(size - Number(bits))) - 1n;
  const low = (BigInt(`0x${digits}`) | free) ^ free;
  return { low: hex(low, digits.length), high: hex(low | free, digits.length) };
}

function hex(value: number | bigint, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/**
 * Whether an address lies in a block. Addresses of the other kind are compared as far as the shorter of the two goes:
 * so does AWS's engine, and IPv6 addresses that begin with the bytes of an IPv4 block are taken for its own.
 */
export function isBetween(digits: string, { low, high }: { low: string; high: string }): boolean {
  if (digits.length >= low.length) {
    const start = digits.slice(0, low.length);
    return low <= start && start <= high;
  }
  return low.slice(0, digits.length) < digits && digits < high.slice(0, digits.length);
}
