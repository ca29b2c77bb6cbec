import { describe, expect, test } from 'vitest';
import { costData, costInput, pricesFrom, printCost, type CostFlags } from '../../src/cli/cost.ts';
import { costOf, moneyOf, type CostInput } from '../../src/view/cost.ts';
import { savingsOf } from '../../src/view/savings.ts';
import { US_EAST_1, UNITS } from '../../src/view/prices.ts';
import { parseQuantity } from '../../src/view/quantity.ts';
import { anObject, aPicture } from '../support/a-picture.ts';

const INPUT: CostInput = {
  shards: 16,
  workers: 2,
  recordsPerSecond: 0,
  bytesPerSecond: 0,
  leaseSeconds: 15,
  checkpointSeconds: 5,
  batchSize: 100,
  handlerMs: 50,
  isFanOut: false,
  vcpu: 0.25,
  memoryGb: 0.5,
  lambdaMemoryGb: 0.5,
};
const MINUTES = 730 * 60;
const of = (more: Partial<CostInput> = {}) =>
  Object.fromEntries(costOf({ ...INPUT, ...more }).map(({ who, units }) => [who, units]));
const FLAGS: CostFlags = {
  recordsPerSecond: undefined,
  recordBytes: 1_000,
  handlerMillis: 50,
  workers: undefined,
  shards: undefined,
  cpuMillis: undefined,
  memoryMib: undefined,
  lambdaMemoryMib: 512,
};

describe('what a group costs', () => {
  test('is the writes that the benchmarks have measured: 1.5 a shard-minute idle, 12 more busy', () => {
    const perShardMinute = (units: { dynamoDbWriteUnits?: number } | undefined) =>
      units!.dynamoDbWriteUnits! / (16 * MINUTES);
    expect(perShardMinute(of()['kcg'])).toBeCloseTo(1.5);
    expect(perShardMinute(of({ recordsPerSecond: 160 })['kcg'])).toBeCloseTo(13.5);
    expect(perShardMinute(of()['KCL 3'])).toBeCloseTo(18);
    expect(perShardMinute(of({ recordsPerSecond: 160 })['KCL 3'])).toBeCloseTo(58);
  });

  test('is nothing for Lambda while nothing comes, and a call a batch else', () => {
    expect(of()['Lambda']).toEqual({ lambdaRequests: 0, lambdaGbSeconds: 0 });
    const seconds = MINUTES * 60;
    expect(of({ recordsPerSecond: 10_000 })['Lambda']?.lambdaRequests).toBeCloseTo(100 * seconds);
    expect(of({ recordsPerSecond: 160 })['Lambda']?.lambdaRequests).toBeCloseTo(16 * seconds);
    expect(of({ recordsPerSecond: 1 })['Lambda']?.lambdaRequests).toBeCloseTo(seconds);
  });

  test('has fan-out for all three', () => {
    for (const units of Object.values(of({ isFanOut: true, bytesPerSecond: 1_000_000 }))) {
      expect(units).toMatchObject({ fanOutShardHours: 16 * 730 });
      expect(units.fanOutGb).toBeCloseTo(2_628);
    }
  });

  test('is money by the prices that are given', () => {
    expect(moneyOf({ lambdaRequests: 1_000_000, dynamoDbWriteUnits: 1_000_000 }, US_EAST_1)).toBeCloseTo(
      0.825,
    );
    expect(moneyOf({ vcpuHours: 10 }, pricesFrom({ vcpuHours: 0.01 }))).toBeCloseTo(0.1);
    expect(pricesFrom({ vcpuHours: 0.01, region: 'here' })).toMatchObject({
      region: 'here',
      lambdaRequests: US_EAST_1.lambdaRequests,
    });
    expect(() => pricesFrom({ vcpu: 1 })).toThrow('unknown price vcpu');
    expect(() => pricesFrom({ vcpuHours: '1' })).toThrow('vcpuHours');
    expect(() => pricesFrom([])).toThrow('holds no map');
  });

  test('has a price, a source and a month for each unit', () => {
    for (const unit of Object.keys(UNITS) as (keyof typeof UNITS)[])
      expect(US_EAST_1[unit]).toBeGreaterThan(0);
    expect(US_EAST_1.asOf).toMatch(/^\d{4}-\d\d$/);
  });
});

describe('what would be cheaper', () => {
  const of = (more: Partial<CostInput>) =>
    savingsOf({ ...INPUT, ...more }, US_EAST_1).map(({ change, dollarsPerMonth }) => [
      change.split(',')[0],
      Math.round(dollarsPerMonth * 10) / 10,
    ]);

  test.each<[string, Partial<CostInput>, [string, number][]]>([
    ['an idle group has a worker too many', {}, [['a worker fewer', 9.4]]],
    [
      'fan-out costs so much that the rest is not worth a word',
      { isFanOut: true, recordsPerSecond: 160, bytesPerSecond: 160_000 },
      [['consumer.type: Polling', 180.7]],
    ],
    [
      'many busy shards on one worker have checkpoints alone',
      { workers: 1, shards: 64, recordsPerSecond: 640 },
      [['checkpoints.intervalSeconds: 60', 19.3]],
    ],
    ['nothing of a group that is as cheap as it gets', { workers: 1 }, []],
  ])('%s', (_, more, expected) => {
    expect(of(more)).toEqual(expected);
  });
});

describe('kcg cost', () => {
  test('takes shards, workers, load and requests from the group, and says what it assumes', () => {
    const containers = [
      { name: 'worker', resources: { requests: { cpu: '100m', memory: '128Mi' } } },
      { name: 'app', resources: { requests: { cpu: 1, memory: '1Gi' } } },
    ];
    const handler = { http: { container: 'app', port: 8080 } };
    const picture = aPicture({
      object: anObject(undefined, { handler, template: { spec: { containers } } }),
    });
    const { input, assumed } = costInput(picture, FLAGS);
    expect(input).toMatchObject({ shards: 3, workers: 1, recordsPerSecond: 48, vcpu: 1.1, memoryGb: 1.125 });
    expect(assumed).toEqual([]);
    expect(costInput(picture, { ...FLAGS, shards: 9 }).input.shards).toBe(9);
    expect(costInput(undefined, FLAGS).assumed).toHaveLength(5);
  });

  test.each([
    ['250m', 0.25],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1Ki', 1_024],
    ['2Ti', 2 * 2 ** 40],
    ['1e9', 1e9],
    ['12E6', 12e6],
    ['1E', 1e18],
    ['128974848000m', 128_974_848],
    ['1K', undefined],
    ['1 Gi', undefined],
    ['', undefined],
  ])('reads the quantity %j as Kubernetes does: %s', (text, expected) => {
    expect(parseQuantity(text)).toBe(expected);
  });

  test('prints units first, then money, then what it assumes and whose prices these are', () => {
    const text = printCost(
      'shop/orders',
      { input: { ...INPUT, recordsPerSecond: 160 }, assumed: [] },
      US_EAST_1,
    );
    expect(text.split('\n\n')[1]).toBe(
      [
        'A MONTH                kcg      KCL 3    Lambda',
        'DynamoDB write units   9.46 M   40.6 M   -',
        'DynamoDB read units    832 k    1.19 M   -',
        'vCPU hours             365      365      -',
        'GB hours of memory     730      730      -',
        'Lambda requests        -        -        42.0 M',
        'Lambda GB seconds      -        -        1.05 M',
        'US dollars, about      24       44       26',
      ].join('\n'),
    );
    expect(text.split('\n\n')[2]).toMatch(
      /^Dollars a month that could be saved, each by itself:\n {2}9\.\d\d by a worker fewer, where the others have room\n/,
    );
    expect(text).toContain('Prices: us-east-1, as of 2026-05; compare with ');
    expect(costData('g', { input: INPUT, assumed: ['x'] }, US_EAST_1)).toMatchObject({
      assumed: ['x'],
      prices: { region: 'us-east-1' },
      costs: [{ who: 'kcg' }, {}, {}],
    });
  });
});
