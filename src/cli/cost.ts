import { count } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable } from '../lib/options.ts';
import { batchesPerSecond, costOf, moneyOf, type CostInput } from '../view/cost.ts';
import type { GroupPicture } from '../view/group-picture.ts';
import { savingsOf } from '../view/savings.ts';
import { US_EAST_1, UNITS, type Prices, type Unit } from '../view/prices.ts';
import { parseQuantity } from '../view/quantity.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';
import { printTable } from './print-table.ts';

const rate = { type: 'number', min: 0, max: 1_000_000_000 } as const;

export const costOptions = {
  namespace: selectOptions.namespace,
  'records-per-second': {
    ...rate,
    description: 'of the whole group; default: what its rows say of the last minute',
  },
  'record-bytes': { ...rate, description: 'of one record', default: 1_000 },
  'handler-millis': { ...rate, description: 'how long a batch takes the handler, ms', default: 50 },
  workers: { ...rate, description: 'default: as many as there are, or a shard each' },
  shards: { ...rate, description: 'default: as many as are open' },
  'cpu-millis': {
    ...rate,
    description: 'of one pod, thousandths of a vCPU; default: what the pods ask for, else 250',
  },
  'memory-mib': { ...rate, description: 'of one pod; default: what the pods ask for, else 512' },
  'lambda-memory-mib': { ...rate, description: 'of the function', default: 512 },
  prices: { type: 'string', description: 'YAML or JSON file with prices in place of those of us-east-1' },
  output: { type: 'string', short: 'o', description: 'as data', choices: ['json'] },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface CostFlags {
  recordsPerSecond: number | undefined;
  recordBytes: number;
  handlerMillis: number;
  workers: number | undefined;
  shards: number | undefined;
  cpuMillis: number | undefined;
  memoryMib: number | undefined;
  lambdaMemoryMib: number;
}

/** What is assumed, and why; flags come first. */
export function costInput(
  picture: GroupPicture | undefined,
  flags: CostFlags,
): { input: CostInput; assumed: string[] } {
  const { view, rows, group } = picture ?? {};
  const assumed: string[] = [];
  const known = (
    flag: number | undefined,
    seen: number | undefined,
    otherwise: number,
    say: (otherwise: number) => string,
  ): number => {
    if (flag !== undefined) return flag;
    if (seen !== undefined) return seen;
    assumed.push(say(otherwise));
    return otherwise;
  };
  const readable = view?.readableShards;
  const shards = known(flags.shards, readable || undefined, 1, (each) => count(each, 'shard'));
  const alive = view?.workers.filter(({ alive }) => alive).length;
  const workers = known(flags.workers, alive || undefined, shards, (each) => count(each, 'worker'));
  const load = rows?.leases.reduce((sum, lease) => sum + lease.load, 0);
  const recordsPerSecond = known(
    flags.recordsPerSecond,
    load && Math.round(load),
    0,
    (each) => `${count(each, 'record')} a second`,
  );
  const asked = requestsOf(group?.spec.template);
  const milli = known(flags.cpuMillis, asked.cpuMillis, 250, (each) => `${each / 1_000} vCPU a pod`);
  const mib = known(flags.memoryMib, asked.memoryMib, 512, (each) => `${each} MiB a pod`);
  const { spec } = group ?? {};
  return {
    assumed,
    input: {
      shards,
      workers,
      recordsPerSecond,
      bytesPerSecond: recordsPerSecond * flags.recordBytes,
      leaseSeconds: spec?.leases.durationSeconds ?? 15,
      checkpointSeconds: spec?.checkpoints.intervalSeconds ?? 5,
      batchSize: spec?.handler.batchSize ?? 100,
      handlerMs: flags.handlerMillis,
      isFanOut: spec?.consumer.type === 'EnhancedFanOut',
      vcpu: milli / 1_000,
      memoryGb: mib / 1_024,
      lambdaMemoryGb: flags.lambdaMemoryMib / 1_024,
    },
  };
}

interface Requests {
  cpuMillis: number | undefined;
  memoryMib: number | undefined;
}

/** Of all containers of the template together. */
function requestsOf(template: unknown): Requests {
  const containers =
    (
      template as
        | { spec?: { containers?: { resources?: { requests?: Record<string, string | number> } }[] } }
        | undefined
    )?.spec?.containers ?? [];
  const sum = (name: string): number | undefined => {
    const asked = containers.flatMap(({ resources }) => resources?.requests?.[name] ?? []);
    return asked.length === 0
      ? undefined
      : asked.reduce<number>((total, each) => total + (parseQuantity(String(each)) ?? 0), 0);
  };
  const [cores, bytes] = [sum('cpu'), sum('memory')];
  return { cpuMillis: cores && cores * 1_000, memoryMib: bytes && bytes / 2 ** 20 };
}

/** From a file; what it lacks is that of us-east-1. @throws KcgError `InvalidInput` */
export function pricesFrom(given: unknown): Prices {
  if (given === undefined) return US_EAST_1;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new KcgError('InvalidInput', 'the price file holds no map', {
      fix: `Name some of ${Object.keys(UNITS).join(', ')}.`,
    });
  const fields = given as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'region' || name === 'asOf') continue;
    if (!Object.hasOwn(UNITS, name))
      throw new KcgError('InvalidInput', `the price file has an unknown price ${name}`, {
        fix: `There are ${Object.keys(UNITS).join(', ')}.`,
      });
    if (typeof value !== 'number' || !(value >= 0))
      throw new KcgError(
        'InvalidInput',
        `${name} of the price file has to be US dollars for one unit, not ${JSON.stringify(value)}`,
      );
  }
  return {
    ...US_EAST_1,
    region: 'as given',
    asOf: 'the price file',
    ...fields,
    sources: US_EAST_1.sources,
  };
}

/** Data for programs; field names are stable. */
export function costData(
  title: string,
  { input, assumed }: ReturnType<typeof costInput>,
  prices: Prices,
): object {
  const costs = costOf(input).map(({ who, units }) => ({
    who,
    unitsPerMonth: units,
    dollarsPerMonth: moneyOf(units, prices),
  }));
  return { group: title, input, assumed, costs, savings: savingsOf(input, prices), prices };
}

/** What `kcg cost` prints, without the newline at the end: units first. */
export function printCost(
  title: string,
  { input, assumed }: ReturnType<typeof costInput>,
  prices: Prices,
): string {
  const costs = costOf(input);
  const units = (Object.keys(UNITS) as Unit[]).filter((unit) =>
    costs.some((cost) => (cost.units[unit] ?? 0) > 0),
  );
  const table = [
    ['A MONTH', ...costs.map(({ who }) => who)],
    ...units.map((unit) => [UNITS[unit], ...costs.map((cost) => amount(cost.units[unit]))]),
    ['US dollars, about', ...costs.map((cost) => money(moneyOf(cost.units, prices)))],
  ];
  const { shards, workers, recordsPerSecond, batchSize, handlerMs, leaseSeconds, checkpointSeconds } = input;
  const batches =
    recordsPerSecond === 0
      ? ''
      : ` in ${amount(batchesPerSecond(input))} batches (at most ${batchSize}, ${handlerMs} ms each)`;
  const load = `${count(shards, 'shard')}, ${count(workers, 'worker')}, ${count(recordsPerSecond, 'record')} a second${batches}, leases of ${leaseSeconds} s, checkpoints every ${checkpointSeconds} s`;
  const savings = savingsOf(input, prices).map(
    ({ change, dollarsPerMonth }) => `  ${money(dollarsPerMonth)} by ${change}`,
  );
  return [
    `${title}: ${load}`,
    printTable(table),
    ...(savings.length > 0
      ? [['Dollars a month that could be saved, each by itself:', ...savings].join('\n')]
      : []),
    ...(assumed.length > 0 ? [`Assumed, as nothing says it: ${assumed.join(', ')}.`] : []),
    `Prices: ${prices.region}, as of ${prices.asOf}; compare with ${prices.sources.join('; ')}. --prices FILE sets others.`,
    'An estimate: the stream itself, data transfer, logs and the operator (one for all groups) are left out.',
  ].join('\n\n');
}

function amount(value: number | undefined): string {
  if (!value) return '-';
  if (value >= 1e9) return `${(value / 1e9).toPrecision(3)} G`;
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  return String(Number(value.toPrecision(3)));
}

function money(value: number): string {
  return value < 10 ? value.toFixed(2) : String(Math.round(value));
}
