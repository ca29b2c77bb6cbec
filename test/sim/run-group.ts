import { relative } from 'node:path';
import process, { cwd, env } from 'node:process';
import { setImmediate } from 'node:timers/promises';
import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { randomInt, seededRandom, type Random } from '../../src/lib/random.ts';
import { Deployment } from './deployment.ts';
import { FILTERS, Fleet } from './fleet.ts';
import { CALM } from './sim-handler.ts';
import { FAIR } from './sim-link.ts';
import type { SimWorker } from './sim-worker.ts';

/** Each run has about half of these, so that the common ones do not hide what the others find alone. */
const CONDITIONS = [
  'operator',
  'slowCalls',
  'failedCalls',
  'answersLost',
  'lateCalls',
  'staleReads',
  'handler',
  'hangs',
  'poison',
  'clocks',
  'filters',
] as const;
const INCIDENTS = [
  'crash',
  'restart',
  'pause',
  'cutTable',
  'cutStream',
  'cutPeers',
  'tableAway',
  'burst',
  'reshard',
  'shardCount',
  'rollout',
  'scale',
] as const;
type Condition = (typeof CONDITIONS)[number];
type Incident = (typeof INCIDENTS)[number];

export interface GroupOptions {
  seed: number;
  /** As the seed says when not given. */
  shards?: number;
  workers?: number;
  troubleMs?: number;
  /** Workers stand still for one to three minutes, and wake while there is still trouble, of which there is less. */
  sleeps?: boolean;
  /** Read with a stream consumer. */
  fanOut?: boolean;
  /** Handlers checkpoint themselves. */
  programs?: boolean;
  /** Every record that handlers fail ends the worker, and there are policies for what fails. */
  fatal?: boolean;
}

export interface GroupRun {
  fleet: Fleet;
  problems: string[];
  /** Workers that woke after minutes. */
  woken: number;
}

const STEP_MS = 500;
const [LEAST_SLEEP_MS, MOST_SLEEP_MS] = [60_000, 180_000];
const TROUBLE_MS = 60_000;
/** For everything to come right after the last fault: long handlers, back-off, a shard sync by its second in line. */
const PEACE_MS = 400_000;

/**
 * One group's life: trouble drawn from the seed, then peace until everything is processed and evenly spread, then a clean
 * stop. What does not hold is in `problems`.
 */
export async function runGroup(options: GroupOptions): Promise<GroupRun> {
  const random = seededRandom(options.seed * 2_654_435_761);
  const half = () => random() < 0.5;
  const conditions = new Set(CONDITIONS.filter(half));
  const incidents = INCIDENTS.filter(half);
  const shards = options.shards ?? 1 + randomInt(random, 8);
  const workers = options.workers ?? 1 + randomInt(random, 6);
  const fleet = new Fleet({
    seed: options.seed,
    shards,
    fanOut: options.fanOut ?? false,
    programs: options.programs ?? false,
    config: {
      initialPosition: random() < 0.2 ? { type: 'Latest' } : { type: 'TrimHorizon' },
      maxLeases: random() < 0.1 ? 2 + 2 * Math.ceil(shards / workers) : 0,
      checkpointIntervalMs: random() < 0.3 ? 0 : 2_000,
      ...(conditions.has('filters') ? { filters: FILTERS } : {}),
      ...(options.programs ? {} : policies(random, options.fatal)),
    },
  });
  fleet.note(
    `seed ${options.seed}: ${shards} shards, ${workers} workers; ${[...conditions, ...incidents].join(' ')}`,
  );
  setConditions(fleet, conditions, [0.5, 1, 5][randomInt(random, 3)]!);
  // Of a seed's own, as what seeds draw in turn says which groups they make.
  if (seededRandom(options.seed * 40_503)() < 0.5) fleet.mood.fatal = 0.4;
  if (options.fatal) Object.assign(fleet.mood, { poison: 0.02, fatal: 1 });
  const deployment = new Deployment(fleet, workers);
  const trouble = new Trouble(fleet, deployment, random, incidents, conditions.has('operator'));
  const onRejection = (reason: unknown) => {
    fleet.checker.violations.push(`nobody catches ${KcgError.from(reason).stack}`);
  };
  process.on('unhandledRejection', onRejection);
  try {
    const problems = await live(fleet, deployment, trouble, random, options);
    return { fleet, problems, woken: trouble.woken };
  } finally {
    for (const worker of fleet.workers) worker.forget();
    process.off('unhandledRejection', onRejection);
  }
}

async function live(
  fleet: Fleet,
  deployment: Deployment,
  trouble: Trouble,
  random: Random,
  options: GroupOptions,
): Promise<string[]> {
  const { length: shards } = fleet.openShards();
  for (let ms = options.troubleMs ?? TROUBLE_MS; ms > 0; ms -= STEP_MS) {
    fleet.produce(randomInt(random, shards + 1));
    if (ms % (options.sleeps ? 10_000 : 2_000) === 0) trouble.step();
    if (options.sleeps && ms % 20_000 === 0 && ms > MOST_SLEEP_MS) trouble.sleep();
    if (!(await fleet.advance(STEP_MS))) return fleet.checker.violations;
  }
  trouble.end();
  const { maxLeases } = fleet.config;
  const needed = maxLeases === 0 ? 0 : Math.ceil((2 * fleet.openShards().length) / maxLeases);
  if (needed > deployment.replicas) deployment.scaleTo(needed);
  const problems = await settle(fleet, deployment);
  await setImmediate(); // so that a rejection nobody catches is told
  return problems.length > 0 ? problems : fleet.checker.violations;
}

/** What went wrong, after the last of what happened, or all that happened when it is a replay; empty when all is well. */
export function explain({ fleet, problems }: GroupRun, seed: number, testFile: string): string {
  if (problems.length === 0) return '';
  const isReplay = env['KCG_SIM_SEED'] !== undefined;
  const replay = `KCG_SIM_SEED=${seed} npx vitest run ${relative(cwd(), testFile)}`;
  const trace = fleet.trace.lines(isReplay ? Infinity : 150);
  return [...trace, `seed ${seed}; all of it: ${replay}`, ...problems.slice(0, 10)].join('\n');
}

async function settle(fleet: Fleet, deployment: Deployment): Promise<string[]> {
  let since = Infinity;
  const isSettled = () => {
    const isSo = deployment.isSettled() && fleet.unsettled().length === 0;
    since = isSo ? Math.min(since, fleet.time.nowMs) : Infinity;
    // Longer than a lease: what is owned by the dead does not count.
    return fleet.time.nowMs - since > 1.5 * fleet.config.leaseDurationMs;
  };
  const settled = await fleet.advance(PEACE_MS, isSettled);
  if (fleet.checker.violations.length > 0) return fleet.checker.violations;
  if (!settled)
    return deployment.isSettled() ? fleet.unsettled() : ['the pods are not there', ...fleet.unsettled()];
  deployment.scaleTo(0);
  await fleet.advance(50_000, () => fleet.alive().length === 0);
  const running = fleet.alive().map((worker) => `${worker.ref} does not stop`);
  return [...fleet.checker.violations, ...running, ...fleet.checker.unwritten()];
}

/** Half of the groups have those of a group that sets none. */
function policies(random: Random, isFatal = false): Partial<WorkerConfig> {
  if (!isFatal && random() < 0.5) return {};
  return {
    parallelizationFactor: 1 + randomInt(random, 4),
    handlerTimeoutMs: [1_000, 10_000, 900_000][randomInt(random, 3)]!,
    retry: {
      maxAttempts: isFatal ? randomInt(random, 3) : randomInt(random, 4) - 1,
      maxRecordAgeMs: random() < 0.2 ? 10_000 : -1,
      bisectOnError: random() < 0.5,
    },
  };
}

function setConditions(fleet: Fleet, conditions: ReadonlySet<Condition>, strength: number): void {
  const share = (condition: Condition, value: number) => (conditions.has(condition) ? value * strength : 0);
  fleet.weather = {
    slow: share('slowCalls', 0.02),
    throttled: share('failedCalls', 0.02),
    failed: share('failedCalls', 0.02),
    answerLost: share('answersLost', 0.02),
    late: share('lateCalls', 0.02),
  };
  fleet.mood = {
    throws: share('handler', 0.04),
    partial: share('handler', 0.04),
    slow: share('handler', 0.03),
    hangs: share('hangs', 0.01),
    stubborn: 0.5,
    poison: share('poison', 0.01),
    fatal: 0,
    refused: share('poison', 0.1),
  };
  if (conditions.has('staleReads')) {
    fleet.staleness = () => (fleet.random() < 0.3 ? randomInt(fleet.random, 4) : 0);
  }
  // The margin of a lease is a tenth of it, which is to cover both clocks.
  if (conditions.has('clocks')) fleet.clocks = { rate: 0.05, skewMs: 20_000 };
}

/** Things that happen to a fleet now and then, and what ends them. */
class Trouble {
  readonly #fleet: Fleet;
  readonly #deployment: Deployment;
  readonly #random: Random;
  readonly #incidents: readonly Incident[];
  readonly #hasOperator: boolean;
  readonly #mostWorkers: number;
  /** Nothing else befalls them, or few would live to wake. */
  readonly #sleepers = new Set<SimWorker>();
  #isOver = false;
  woken = 0;

  constructor(
    fleet: Fleet,
    deployment: Deployment,
    random: Random,
    incidents: readonly Incident[],
    hasOperator: boolean,
  ) {
    this.#fleet = fleet;
    this.#deployment = deployment;
    this.#random = random;
    this.#incidents = incidents;
    this.#hasOperator = hasOperator;
    this.#mostWorkers = Math.max(8, deployment.replicas);
  }

  step(): void {
    for (let left = 1 + this.#deployment.replicas / 16; left > 0; left -= 1) {
      const incident = this.#incidents[randomInt(this.#random, this.#incidents.length)];
      if (incident === undefined || this.#random() < 0.5) continue;
      const awake = this.#fleet.alive().filter((worker) => !this.#sleepers.has(worker));
      const victim = awake[randomInt(this.#random, awake.length)];
      if (victim) this.#befall(incident, victim);
    }
  }

  /** Somebody stands still for minutes; what it was then delivers nothing ever again. */
  sleep(): void {
    const fleet = this.#fleet;
    const live = fleet.alive().filter((worker) => worker.isLive);
    const sleeper = live[randomInt(this.#random, live.length)];
    if (sleeper === undefined) return;
    const { ref } = sleeper;
    this.#sleepers.add(sleeper);
    sleeper.process.pause();
    fleet.note(`${ref} falls asleep`);
    this.#later(LEAST_SLEEP_MS + this.#random() * (MOST_SLEEP_MS - LEAST_SLEEP_MS), () => {
      this.#sleepers.delete(sleeper);
      if (sleeper.process.state !== 'paused') return;
      fleet.note(`${ref} wakes`);
      fleet.checker.sleptThrough(ref);
      this.woken += 1;
      sleeper.process.resume();
    });
  }

  /** Calls succeed, paused processes go on. */
  end(): void {
    this.#isOver = true;
    const fleet = this.#fleet;
    fleet.note('peace');
    [fleet.weather, fleet.mood, fleet.staleness] = [FAIR, CALM, () => 0];
    for (const worker of fleet.alive()) {
      Object.assign(worker.cut, { table: false, stream: false, peers: false });
      worker.process.resume();
    }
  }

  #befall(incident: Incident, victim: SimWorker): void {
    const fleet = this.#fleet;
    switch (incident) {
      case 'crash':
        return this.#crash(victim);
      case 'restart':
        this.#crash(victim);
        return this.#later(200 + this.#random() * 10_000, () => {
          if (!victim.isTerminating) fleet.restart(victim);
        });
      case 'pause':
        victim.process.pause();
        fleet.note(`pause ${victim.ref}`);
        return this.#later(this.#duration(), () => {
          victim.process.resume();
          fleet.note(`resume ${victim.ref}`);
        });
      case 'cutTable':
        return this.#cut([victim], 'table');
      case 'cutStream':
        return this.#cut([victim], 'stream');
      case 'cutPeers':
        return this.#cut([victim], 'peers');
      case 'tableAway':
        return this.#random() < 0.3 ? this.#cut(fleet.alive(), 'table') : undefined;
      case 'burst':
        return this.#burst();
      case 'reshard':
        return fleet.reshard();
      case 'shardCount': {
        const open = fleet.openShards().length;
        return fleet.updateShardCount(Math.ceil(open / 2) + randomInt(this.#random, open + 1));
      }
      case 'rollout':
        return this.#random() < 0.5 ? this.#deployment.rollOut() : undefined;
      case 'scale':
        return this.#deployment.scaleTo(1 + randomInt(this.#random, this.#mostWorkers));
    }
  }

  #crash(victim: SimWorker): void {
    const fleet = this.#fleet;
    fleet.crash(victim);
    if (!this.#hasOperator) return;
    // The kubelet tells, and the operator acts; the time of death is the one on the victim's machine.
    const fence = fleet.terminationOf(victim);
    this.#later(500 + this.#random() * 3_000, () => void fence());
  }

  #cut(victims: readonly SimWorker[], from: keyof SimWorker['cut']): void {
    const names = victims.map((worker) => worker.pod).join(' ');
    this.#fleet.note(`cut ${names} off from ${from}`);
    for (const victim of victims) victim.cut[from] = true;
    this.#later(this.#duration(), () => {
      this.#fleet.note(`${names} reach ${from} again`);
      for (const victim of victims) victim.cut[from] = false;
    });
  }

  #burst(): void {
    const fleet = this.#fleet;
    const before = fleet.weather;
    fleet.note('most calls are throttled');
    fleet.weather = { ...before, throttled: 0.7 };
    this.#later(this.#duration(), () => {
      fleet.weather = before;
      fleet.note('calls are served again');
    });
  }

  /** Mostly less than a lease lasts, sometimes minutes. */
  #duration(): number {
    return this.#random() < 0.7 ? this.#random() * 12_000 : this.#random() * 180_000;
  }

  #later(ms: number, act: () => void): void {
    this.#fleet.time.after(ms, () => {
      if (!this.#isOver) act();
    });
  }
}
