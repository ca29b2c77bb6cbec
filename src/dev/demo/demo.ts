import type { KinesisConsumerGroup } from '../../api/group.ts';
import { streamNameOf } from '../../api/group.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import { readableLogLine } from '../../view/log-line.ts';
import { startCollector, type Collector } from './collector.ts';
import { DemoScreen } from './demo-screen.ts';
import type { LocalMode } from '../local-mode.ts';
import { produce } from './producer.ts';
import { isReadAgain } from './read-again.ts';
import type { ProcessPod } from '../pods/process-pod.ts';

export interface DemoOptions {
  group: KinesisConsumerGroup;
  start: (lines: {
    onOperatorLine: (line: string) => void;
    onWorkerLine: (pod: string, line: string) => void;
  }) => Promise<LocalMode>;
  recordsPerSecond: number;
  keep: boolean;
  clock: Clock;
  random: Random;
  out: (text: string) => void;
  isTerminal: boolean;
  /** Workers inherit this process's environment. */
  setEnv: (name: string, value: string) => void;
  stop: AbortSignal;
}

const KEYS = 64;
const POLL_MS = 20;
/** Nothing in the demo takes this long on a machine that works at all. */
const PATIENCE_MS = 90_000;
const SETTLE_MS = 3_000;

/** Runs a group, does to it what happens in life, and counts what arrived. Resolves to the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { clock, stop, setEnv } = options;
  const screen = new DemoScreen(options);
  const collector = await startCollector(clock);
  setEnv('COLLECTOR_URL', collector.url);
  const failures: string[] = [];
  const readable = (source: string, line: string) =>
    readableLogLine(line, { source, colour: options.isTerminal });
  const local = await options.start({
    onOperatorLine: (line) => screen.say(readable('operator', line)),
    onWorkerLine: (pod, line) => {
      if (line.includes('"level":"error"') || !line.startsWith('{')) failures.push(readable(pod, line));
    },
  });
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  const showing = screen.run(local, signal);
  try {
    screen.say(`local Kinesis   ${local.kinesis.endpoint}`);
    screen.say(`local DynamoDB  ${local.dynamodb.endpoint}`);
    const demo = new Demo(options, local, collector, screen);
    const ok = await demo.run(signal);
    if (options.keep && !stop.aborted) {
      screen.say('Keeps running; Ctrl-C stops it.');
      await clock.sleep(Infinity, { signal: stop });
    }
    return ok ? 0 : 1;
  } catch (thrown) {
    if (stop.aborted) return 130;
    for (const failure of failures.slice(-20)) screen.say(failure);
    throw thrown;
  } finally {
    screen.say('stopping: workers drain, then the servers; Ctrl-C once more stops at once');
    ended.abort();
    await showing;
    await local.stop();
    await collector.close();
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #local: LocalMode;
  readonly #collector: Collector;
  readonly #screen: DemoScreen;

  constructor(options: DemoOptions, local: LocalMode, collector: Collector, screen: DemoScreen) {
    this.#options = options;
    this.#local = local;
    this.#collector = collector;
    this.#screen = screen;
  }

  async run(signal: AbortSignal): Promise<boolean> {
    const { group, clock, random, recordsPerSecond } = this.#options;
    const { kinesis } = this.#local.kinesis;
    const stream = streamNameOf(group);
    await this.#local.apply(group);
    const stopProducer = new AbortController();
    const producing = produce(
      { kinesis, stream, tally: this.#collector.tally, clock, random, recordsPerSecond, keys: KEYS },
      AbortSignal.any([signal, stopProducer.signal]),
    );
    await this.#until('every shard is read', signal, () =>
      this.#openShards(stream).every((id) => this.#latest(id)),
    );
    this.#screen.say('1. The group is up: every shard is read, records flow.');
    await clock.sleep(SETTLE_MS, { signal });
    await this.#kill(signal);
    await clock.sleep(SETTLE_MS, { signal });
    await this.#terminate(signal);
    await clock.sleep(SETTLE_MS, { signal });
    await this.#split(stream, signal);
    stopProducer.abort();
    await producing;
    await this.#until(
      'everything put is processed',
      signal,
      () => this.#collector.tally.result().lost === 0,
    ).catch(() => {});
    await clock.sleep(1_000, { signal });
    return this.#screen.result(this.#collector.tally.result());
  }

  /** kill −9: nobody can tell but the one who watches the process. */
  async #kill(signal: AbortSignal): Promise<void> {
    const pod = await this.#busyPod(signal);
    const { name } = pod.options;
    const shards = this.#collector.tally.shardsOf(name);
    const { clock } = this.#options;
    const killed = { pod: name, nextLifeMs: undefined as number | undefined };
    const { pid } = pod;
    const atMs = clock.monotonic();
    pod.signal('SIGKILL');
    await this.#until('its shards are read again', signal, () => {
      if (pod.pid !== undefined && pod.pid !== pid) killed.nextLifeMs ??= clock.monotonic();
      return shards.every((id) => isReadAgain(this.#latest(id), killed));
    });
    const seconds = (this.#lastOf(shards) - atMs) / 1_000;
    this.#screen.say(
      `2. kill -9 of ${name}: its ${count(shards)} ${shards.length === 1 ? 'is' : 'are'} read again after ${seconds.toFixed(2)} s.`,
    );
  }

  /** SIGTERM: drains, and gives each shard away. */
  async #terminate(signal: AbortSignal): Promise<void> {
    const { tally } = this.#collector;
    const pod = await this.#busyPod(signal);
    const { name } = pod.options;
    const shards = tally.shardsOf(name);
    const before = tally.result().duplicated;
    tally.resetGaps();
    await pod.stop();
    await this.#until('its shards are read by others', signal, () =>
      shards.every((id) => this.#latest(id)?.pod !== name),
    );
    const seconds = tally.longestGapMs(shards) / 1_000;
    const twice = tally.result().duplicated - before;
    this.#screen.say(
      `3. SIGTERM of ${name}: longest silence of its ${count(shards)} is ${seconds.toFixed(2)} s, ${twice} ${twice === 1 ? 'record' : 'records'} delivered twice.`,
    );
  }

  async #split(stream: string, signal: AbortSignal): Promise<void> {
    const { kinesis } = this.#local.kinesis;
    const open = kinesis.listShards(stream, { filter: { type: 'AT_LATEST' } }).shards;
    const shard = open[0];
    if (!shard) throw new KcgError('Internal', 'the stream has no open shard');
    const pods = this.#local.pods.list().length;
    const middle = (BigInt(shard.hashStart) + BigInt(shard.hashEnd)) / 2n + 1n;
    kinesis.splitShard(stream, shard.shardId, String(middle));
    await this.#until(
      'the children are read',
      signal,
      () =>
        this.#openShards(stream).length > open.length &&
        this.#openShards(stream).every((id) => this.#latest(id)),
    );
    await this.#until(
      'a worker is added',
      signal,
      () => this.#local.pods.list().filter((pod) => pod.ready).length > pods,
    );
    this.#screen.say(
      `4. Split of ${shard.shardId}: both children are read, workers ${pods} → ${this.#local.pods.list().length}.`,
    );
  }

  /** A ready pod that reads a shard. */
  async #busyPod(signal: AbortSignal): Promise<ProcessPod> {
    const find = () =>
      this.#local.pods
        .list()
        .find(
          (pod) =>
            pod.ready && !pod.isStopping && this.#collector.tally.shardsOf(pod.options.name).length > 0,
        );
    await this.#until('a worker reads a shard', signal, () => find() !== undefined);
    return find()!;
  }

  #openShards(stream: string): string[] {
    const { kinesis } = this.#local.kinesis;
    return kinesis.listShards(stream, { filter: { type: 'AT_LATEST' } }).shards.map((shard) => shard.shardId);
  }

  #latest(shardId: string) {
    return this.#collector.tally.latest(shardId);
  }

  #lastOf(shards: readonly string[]): number {
    return Math.max(...shards.map((id) => this.#latest(id)?.atMs ?? 0));
  }

  async #until(what: string, signal: AbortSignal, holds: () => boolean): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonic() + PATIENCE_MS;
    while (!holds()) {
      if (signal.aborted) throw new KcgError('Aborted', 'stopped');
      if (clock.monotonic() > endMs) throw new KcgError('Timeout', `gave up waiting until ${what}`);
      await clock.sleep(POLL_MS, { signal });
    }
  }
}

function count(shards: readonly string[]): string {
  return shards.length === 1 ? 'shard' : `${shards.length} shards`;
}
