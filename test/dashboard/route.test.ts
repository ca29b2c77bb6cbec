import { describe, expect, it } from 'vitest';
import { formatRoute, HOME, parseRoute, type Route } from '../../src/dashboard/page/route.ts';

const parse = (address: string) => {
  const { pathname, search } = new URL(address, 'http://kcg');
  return parseRoute(pathname, search);
};

describe('an address of the dashboard', () => {
  it.each<[string, Partial<Route>]>([
    ['/', {}],
    ['/groups/shop/orders', { group: 'shop/orders' }],
    [
      '/groups/shop/orders?shard=shardId-000000000001',
      { group: 'shop/orders', shard: 'shardId-000000000001' },
    ],
    [
      '/groups/shop/orders?sort=lag&all=1&find=a+b',
      { group: 'shop/orders', sort: 'lag', all: true, find: 'a b' },
    ],
    ['/groups/shop/orders?keys=25-37.5', { group: 'shop/orders', keys: { from: 0.25, width: 0.125 } }],
  ])('%s says all of what is shown', (address, said) => {
    const route = { ...HOME, ...said };
    expect(parse(address)).toEqual(route);
    expect(formatRoute(route)).toBe(address);
  });

  it('that makes no sense shows what it can', () => {
    expect(parse('/groups/shop?sort=colour')).toEqual(HOME);
    expect(parse('/?keys=37.5-25')).toEqual(HOME);
    expect(parse('/?keys=NaN-1e400')).toEqual(HOME);
    expect(parse('/?keys=90-150').keys).toEqual({ from: 0.4, width: 0.6 });
    expect(parse('/groups/shop/orders/')).toMatchObject({ group: 'shop/orders' });
  });
});
