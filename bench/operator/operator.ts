import { parseArgs } from 'node:util';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { spread } from '../figures.ts';
import { Groups } from './groups.ts';
import type { BenchedOperator, Work } from './operator-process.ts';
import { SHARDS, Site, STREAMS } from './site.ts';
import { TROUBLES, type Trouble } from './troubles.ts';

/*
 * One operator, a real API server, AWS on loopback; a stand-in plays the controller of Deployments, pods and workers.
 * `npm run bench -- operator --groups 100,1000 --rest 120`. The operator is measured by /proc, so it needs Linux.
 */

type Counts = Readonly<Record<string, number>>;
type Print = (line: string) => void;

interface Snapshot extends Work {
  calls: Counts;
  atMs: number;
}

const CHANGES = 100;
const BETWEEN_CHANGES_MS = 100;
const TROUBLE_BEGINS_MS = 15_000;
/** What the chart's operator has: the old generation that Node takes of 512 MiB, and what the chart sets. */
const CHART_FLAGS = '--max-old-space-size=256 --max-semi-space-size=8 --v8-pool-size=1';

export async function operator(_runs: number, print: Print): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      groups: { type: 'string', default: '100,1000' },
      settle: { type: 'string', default: '60' },
      rest: { type: 'string', default: '120' },
      'lease-seconds': { type: 'string' },
      'change-early': { type: 'boolean', default: false },
      troubles: { type: 'boolean', default: true },
      'node-flags': { type: 'string', default: CHART_FLAGS },
    },
    allowPositionals: true,
    allowNegative: true,
  });
  print(
    `${STREAMS} streams of ${SHARDS} shards, every second group with a table of its own, 2 workers a group`,
  );
  for (const size of values.groups.split(',').map(Number)) {
    const plan = {
      settleMs: Number(values.settle) * 1_000,
      restMs: Number(values.rest) * 1_000,
      leaseSeconds: values['lease-seconds'] === undefined ? undefined : Number(values['lease-seconds']),
      changesEarly: values['change-early'],
      troubles: values.troubles ? TROUBLES : [],
      nodeFlags: values['node-flags'].split(' ').filter((flag) => flag !== ''),
    };
    await measure(size, plan, print);
  }
}

interface Plan {
  settleMs: number;
  restMs: number;
  /** Slower clocks, so that the stand-ins of thousands of workers have time to beat. */
  leaseSeconds: number | undefined;
  /** Groups that are ready are changed while others come, which adds to what a group costs. */
  changesEarly: boolean;
  troubles: readonly Trouble[];
  nodeFlags: readonly string[];
}

async function measure(
  size: number,
  { settleMs, restMs, leaseSeconds, changesEarly, troubles, nodeFlags }: Plan,
  print: Print,
): Promise<void> {
  print(`\n${size} groups`);
  const site = await Site.open();
  const groups = new Groups(site.cluster, { leaseSeconds });
  let running: BenchedOperator | undefined;
  try {
    await groups.create(size);
    running = await site.startOperator(nodeFlags);
    const operator = running;
    const startMs = operator.startedMs;
    const look = async (): Promise<Snapshot> => ({
      ...(await operator.work()),
      calls: await site.calls(),
      atMs: clock.monotonic(),
    });
    const progress = setInterval(() => process.stderr.write(`${groups.ready}/${size} ready\n`), 5_000);
    const early = changesEarly ? changesUntilReady(groups, size) : undefined;
    await Promise.race([groups.whenReady(size), operator.failed]).finally(() => clearInterval(progress));
    const ready = await look();
    const seconds = groups.firstReady.map((ms) => (ms - startMs) / 1_000);
    print(`cold to Ready      ${spread(seconds, 's', 1)}`);
    if (early) print(`change → applied meanwhile   ${await early}`);
    printWork(print, ready, size);
    await clock.sleep(settleMs);
    const before = await look();
    print(`the next ${settleMs / 1_000} s`);
    printBetween(print, { from: ready, to: before, size });
    await clock.sleep(restMs);
    const after = await look();
    print(`at rest, ${restMs / 1_000} s`);
    printBetween(print, { from: before, to: after, size });
    print(`change → applied   ${await changes(groups, size)}`);
    for (const { what, begin } of troubles) {
      await begin(site, groups);
      await clock.sleep(TROUBLE_BEGINS_MS);
      print(`  beside ${what}   ${await changes(groups, size)}`);
    }
    print(`peak ${(await operator.work()).peakMb.toFixed(0)} MB`);
  } finally {
    groups.close();
    await running?.stop();
    await site.close();
  }
}

let changed = 0;

/** From the change of one group to its Deployment, one after the other. */
async function changes(groups: Groups, size: number): Promise<string> {
  const ms: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    changed += 1;
    ms.push(await groups.change((changed * 38) % size, String(changed)));
    await clock.sleep(BETWEEN_CHANGES_MS);
  }
  return spread(ms, 'ms', 0);
}

/** Of groups that were ready, one after the other, while others come. */
async function changesUntilReady(groups: Groups, size: number): Promise<string> {
  const ms: number[] = [];
  await groups.whenReady(1);
  for (let change = 0; groups.begun.length < size; change += 1) {
    const { begun } = groups;
    const index = Number(begun[(change * 38) % begun.length]!.replace('group-', ''));
    ms.push(await groups.change(index, `early-${change}`));
    await clock.sleep(BETWEEN_CHANGES_MS);
  }
  return spread(ms, 'ms', 0);
}

function printWork(print: Print, { cpuSeconds, peakMb, writes, calls }: Snapshot, size: number): void {
  print(
    `  ${cpuSeconds.toFixed(1)} CPU-s (${((cpuSeconds / size) * 1_000).toFixed(1)} ms a group), peak ${peakMb.toFixed(0)} MB`,
  );
  print(`  API writes a group ${perGroup(writes, size)}`);
  print(`  AWS calls a group  ${perGroup(calls, size)}`);
}

function printBetween(print: Print, { from, to, size }: { from: Snapshot; to: Snapshot; size: number }) {
  const seconds = (to.atMs - from.atMs) / 1_000;
  const cores = (to.cpuSeconds - from.cpuSeconds) / seconds;
  const calls = minus(to.calls, from.calls);
  const rate = sum(calls) / seconds;
  print(`  ${cores.toFixed(3)} of a core (${((cores / size) * 1e6).toFixed(0)} µs/s a group)`);
  print(`  API writes         ${listed(minus(to.writes, from.writes))}`);
  print(`  AWS calls          ${rate.toFixed(1)}/s, ${(rate / size).toFixed(4)}/s a group: ${listed(calls)}`);
}

function perGroup(counts: Counts, size: number): string {
  return `${(sum(counts) / size).toFixed(2)}: ${listed(counts, (count) => (count / size).toFixed(2))}`;
}

function listed(counts: Counts, text: (count: number) => string = String): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return sorted.map(([what, count]) => `${what} ${text(count)}`).join(', ') || 'none';
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function minus(to: Counts, from: Counts): Counts {
  const entries = Object.entries(to).map(([what, count]) => [what, count - (from[what] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
}
