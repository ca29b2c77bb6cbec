import { setTimeout as sleep } from 'node:timers/promises';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { ForeignTable } from '../../../src/import/dynamodb/foreign-table.ts';
import type { ForeignProgram, ForeignRows, ForeignStore } from '../../../src/import/foreign-store.ts';
import { ForeignKeys } from '../../../src/import/redis/foreign-keys.ts';
import type { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { isOpen, type Shard } from '../../../src/kinesis/shard.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { startProgram, type PeerProgram } from '../../support/peer-programs.ts';
import { RECIPES } from './recipes.ts';

/** What a store and its stream looked like at one moment of a program's life. */
export interface Moment extends Omit<ForeignRows, 'source'> {
  /** Was its program running? */
  alive: boolean;
  shards: Shard[];
  /** By shard, the number of its last record; all of them were checkpointed. */
  last: Record<string, string>;
}

export interface Fixture {
  program: ForeignProgram;
  version: string;
  recordedOn: string;
  stream: { name: string; arn: string; createdAt: number };
  /** `reading`, `resharded`, `stopped` (cleanly), `killed`. */
  moments: Record<string, Moment>;
}

const STREAM = 'orders';
const WAIT_MS = 240_000;

/**
 * Runs the real program through its life: it reads two shards; one is split, and a child merged with the other; it is stopped; it
 * is started anew and killed. Its rows are looked at in between, always when it has checkpointed all there is.
 */
export async function record(name: string, onProgress: (line: string) => void = () => {}): Promise<Fixture> {
  const recipe = RECIPES[name];
  if (!recipe) throw new Error(`no recipe ${name}; there are ${Object.keys(RECIPES).join(', ')}`);
  const kinesis = await startLocalKinesis();
  const dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  const stage = new Stage(kinesis.kinesis);
  const { arn, createdAt } = stage.describe();
  const places = {
    stream: STREAM,
    table: 'app',
    kinesis: kinesis.endpoint,
    dynamodb: dynamodb.endpoint,
    createdAt,
  };
  const { command, env = {}, redis } = await recipe.start(places);
  const store = redis
    ? new ForeignKeys({ clock, url: redis.url })
    : new ForeignTable({ client, clock, tableName: places.table });
  const moments: Fixture['moments'] = {};
  const look = async (moment: string, alive: boolean) => {
    const { key, rows } = await store.read();
    onProgress(`${name}: ${moment}, ${rows.length} rows`);
    const seen = { alive, shards: stage.shards(), last: stage.last(), rows };
    moments[moment] = { ...(key ? { key } : {}), ...seen };
  };
  let running = startProgram(command, { env });
  const untilDone = () => untilSettled(stage, store, { running, writes: recipe.settlesAfter ?? 0 });
  try {
    await stage.put();
    await untilDone();
    await look('reading', true);
    await stage.reshard();
    await stage.put();
    await untilDone();
    await look('resharded', true);
    await running.stop();
    await look('stopped', false);
    running = startProgram(command, { env });
    await stage.put();
    await untilDone();
    await running.stop('SIGKILL');
    await look('killed', false);
  } finally {
    await running.stop('SIGKILL');
    client.destroy();
    await redis?.stop();
    await kinesis.close();
    await dynamodb.close();
  }
  const recordedOn = new Date(clock.now()).toISOString().slice(0, 10);
  const { program, version } = recipe;
  return { program, version, recordedOn, stream: { name: STREAM, arn, createdAt }, moments };
}

/** The stream: what is done to it, and what it holds. */
class Stage {
  readonly #kinesis: MemoryKinesis;
  readonly #last = new Map<string, string>();
  #puts = 0;

  constructor(kinesis: MemoryKinesis) {
    this.#kinesis = kinesis;
    kinesis.createStream({ name: STREAM, shardCount: 2 });
  }

  async put(): Promise<void> {
    await this.#active();
    const round = this.#puts++;
    const entries = Array.from({ length: 20 }, (_, i) => ({
      partitionKey: `${round}-${i}`,
      data: Buffer.from(`${i}`),
    }));
    for (const receipt of this.#kinesis.putRecords(STREAM, entries)) {
      if (receipt instanceof Error) throw receipt;
      this.#last.set(receipt.shardId, receipt.sequence);
    }
  }

  /** The first shard is split, and its upper half merged with the second. Of that half nothing was ever put. */
  async reshard(): Promise<void> {
    await this.#active();
    this.#kinesis.splitShard(STREAM, 'shardId-000000000000', `${2n ** 125n}`);
    await this.#active();
    this.#kinesis.mergeShards(STREAM, 'shardId-000000000003', 'shardId-000000000001');
  }

  describe() {
    return this.#kinesis.describe(STREAM);
  }

  shards(): Shard[] {
    return this.#kinesis.listShards(STREAM).shards;
  }

  last(): Record<string, string> {
    return Object.fromEntries(this.#last);
  }

  async #active(): Promise<void> {
    while (this.describe().status !== 'ACTIVE') await sleep(50);
  }
}

/** Resolves when the last record of each open shard is in a row, and so many writes of that row have left it there. */
async function untilSettled(
  stage: Stage,
  store: ForeignStore,
  { running, writes }: { running: PeerProgram; writes: number },
): Promise<void> {
  const until = clock.monotonic() + WAIT_MS;
  const open = stage.shards().filter(isOpen);
  const seen = new Map<string, { row: string; writes: number }>();
  for (;;) {
    const rows = await store.read().then(
      (read) => read.rows.map((row) => JSON.stringify(row)),
      () => [],
    );
    const last = stage.last();
    for (const { shardId } of open) {
      const row = rows.find((each) => each.includes(last[shardId]!));
      const before = seen.get(shardId);
      if (row === undefined) seen.delete(shardId);
      else if (row !== before?.row) seen.set(shardId, { row, writes: (before?.writes ?? -1) + 1 });
    }
    if (open.every(({ shardId }) => (seen.get(shardId)?.writes ?? -1) >= writes)) return;
    if (clock.monotonic() > until)
      throw new Error(`rows ${rows.join(' ')}\nprogram ${running.text().slice(-3000)}`);
    if (running.child.exitCode !== null) throw new Error(`it ended:\n${running.text().slice(-3000)}`);
    await sleep(200);
  }
}
