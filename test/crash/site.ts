import { runOperator } from '../../src/operator/operator.ts';
import type { AwsAccount } from '../../src/operator/aws-account.ts';
import type { GroupTarget } from '../../src/operator/group-target.ts';
import { openReset } from '../../src/main/operator/offset-reset.ts';
import { ImportRun } from '../../src/import/import-run.ts';
import type { ImportSource } from '../../src/import/import-source.ts';
import { KINDS, keyOf, keyString, type Cluster, type KubeObject } from '../../src/kubernetes/cluster.ts';
import { runAsLeader } from '../../src/kubernetes/leader-election.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { memoryStreamConsumers } from '../../src/kinesis/memory/stream-consumers.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import type { RowWrite } from '../../src/leases/row-write.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { MemoryTables } from '../../src/table/memory/table-admin.ts';
import type { TableStep } from '../../src/table/table-admin.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { DoomedProcess, type CrashPoint, type Reads } from './doomed-process.ts';
import { runPods } from './stand-in-pods.ts';
import { runWorkers } from './stand-in-workers.ts';

const LEASE = { namespace: 'kcg-system', name: 'kcg-operator' };
/** Seldomer than by default: looks that find nothing cost the most here. */
const POLL_MS = 15_000;
const CLUSTER_READS: Reads = new Set([
  'watch',
  'get',
  'list',
  'clusterId',
  'now',
  'readLeaderElectionLease',
  'close',
]);
const TABLE_READS: Reads = new Set(['describe', 'close']);
const ROW_READS: Reads = new Set(['query', 'get']);
const CONSUMER_READS: Reads = new Set(['find', 'close']);

/** One Kubernetes and one AWS account, in memory, with one operator at a time; everything but the operator outlives it. */
export class Site {
  readonly clock = new ManualClock();
  readonly cluster = new MemoryCluster({ clock: this.clock, clusterId: 'cluster-1' });
  readonly kinesis = new MemoryKinesis({ clock: this.clock, region: 'eu-west-1', transitionMs: 2_000 });
  readonly tables = new MemoryTables(this.clock);
  /** What a group with importFrom imports. */
  source: ImportSource | undefined;
  /** By thing: how often it was made, by whomever. */
  readonly made = new Map<string, number>();
  /** Who holds the Lease. */
  leader = '';
  /** Writes of somebody who does not lead. */
  readonly strangers: string[] = [];
  #stirredMs = 0;
  readonly #rows = new Map<string, Map<string, MemoryLeaseTable>>();
  readonly #operators: DoomedProcess[] = [];

  constructor() {
    const { signal } = new AbortController();
    for (const kind of [KINDS.deployment, KINDS.podDisruptionBudget, KINDS.consumerGroup]) {
      this.cluster.watch(kind, {
        signal,
        onChange: ({ type, object }) =>
          void (type === 'added' && this.#count(`${object.kind} ${keyString(keyOf(object))}`)),
      });
    }
  }

  /** How long nobody has written anything but what it sees, ms. */
  quietMs(): number {
    return this.clock.monotonic() - this.#stirredMs;
  }

  /** Something is about to happen, within `ms`. */
  stir(ms = 0): void {
    this.#stirredMs = this.clock.monotonic() + ms;
  }

  /** The rows of a group; undefined when there is no such table. */
  rowsOf(table: string, groupId: string): MemoryLeaseTable | undefined {
    if (!this.tables.tables.has(table)) return undefined;
    const groups = this.#rows.get(table) ?? new Map<string, MemoryLeaseTable>();
    this.#rows.set(table, groups);
    const before = async () => {
      if (this.tables.tables.has(table) && this.#rows.get(table) === groups) return;
      throw new KcgError('NotFound', `table ${table} does not exist`, { resource: `table ${table}` });
    };
    const rows = groups.get(groupId) ?? new MemoryLeaseTable({ before });
    groups.set(groupId, rows);
    return rows;
  }

  /** The rows of all groups in all tables. */
  groups(): { table: string; groupId: string; rows: MemoryLeaseTable }[] {
    const all = [...this.#rows].flatMap(([table, groups]) =>
      [...groups].map(([groupId, rows]) => ({ table, groupId, rows })),
    );
    return all.filter(({ rows }) => rows.rows().length > 0);
  }

  /** Starts an operator that leads when it is its turn. */
  start(name: string, point?: CrashPoint): DoomedProcess {
    const process = new DoomedProcess({
      clock: this.clock,
      point,
      // Events are no state: they tell what was done.
      onEffect: (write) => {
        if (!/^(election|event|applyStatus)/.test(write)) this.stir();
        if (this.leader !== name && !/^(election|event)/.test(write))
          this.strangers.push(`${name}: ${write}`);
      },
    });
    const random = seededRandom(this.#operators.length + 1);
    const cluster = process.through(this.#apiServer(process), CLUSTER_READS, describeObjectWrite);
    const { signal } = new AbortController();
    const { clock } = process;
    void runOperator(
      {
        cluster,
        aws: this.#aws(process),
        clock,
        random,
        log: silentLog,
        nudge: async () => true,
        options: { workerImage: 'kcg:test', instance: keyString(LEASE), pollMs: POLL_MS },
        lead: async (work) => {
          await runAsLeader({ cluster, clock, random, key: LEASE, identity: name }, signal, work);
        },
      },
      signal,
    );
    this.#operators.push(process);
    return process;
  }

  /** Lets time go by, with pods and workers doing what they do, second by second, until `until` or for `ms`. */
  async advance(ms: number, until: () => boolean = () => false): Promise<boolean> {
    const { clock, cluster, kinesis } = this;
    for (let passed = 0; passed < ms; passed += 1_000) {
      if (until()) return true;
      await runPods(cluster);
      await runWorkers({ clock, cluster, kinesis, groups: () => this.groups() });
      await clock.advance(1_000);
    }
    return until();
  }

  /** Ends all that lives. */
  close(): void {
    for (const process of this.#operators) process.kill();
  }

  #count(thing: string): void {
    this.made.set(thing, (this.made.get(thing) ?? 0) + 1);
  }

  /** Knows who leads, and ends the watches of a process that is gone. */
  #apiServer(process: DoomedProcess): Cluster {
    const own = process.killed.signal;
    const { cluster } = this;
    const watch: Cluster['watch'] = (kind, options) =>
      cluster.watch(kind, {
        ...options,
        signal: AbortSignal.any([options.signal, own]),
        onChange: (change) => process.hears(() => options.onChange?.(change)),
      });
    const writeLeaderElectionLease: Cluster['writeLeaderElectionLease'] = async (key, record, options) => {
      const result = await cluster.writeLeaderElectionLease(key, record, options);
      if (result.outcome === 'written') this.leader = record.holder;
      return result;
    };
    const changed: Partial<Cluster> = { watch, writeLeaderElectionLease };
    return new Proxy<Cluster>(cluster, {
      get: (target, key) => {
        const method: unknown = Reflect.get(changed, key) ?? Reflect.get(target, key);
        return typeof method === 'function' ? method.bind(target) : method;
      },
    });
  }

  #aws(process: DoomedProcess): AwsAccount {
    const rowsOf = ({ table, groupId }: GroupTarget) => {
      const rows = this.rowsOf(table, groupId);
      if (!rows) throw new KcgError('NotFound', `table ${table} does not exist`);
      return process.through(rows, ROW_READS, (_, [write]) => {
        const { name, key } = write as RowWrite;
        return `row ${name} ${key}`;
      });
    };
    return {
      streamClient: ({ stream }) => memoryStreamClient(this.kinesis, stream.name),
      streamConsumers: () => this.#consumers(process),
      leaseTable: async (target) => rowsOf(target),
      groupIds: async ({ table }, { limit }) => {
        const mine = this.groups().filter((group) => group.table === table);
        return mine.map(({ groupId }) => groupId).slice(0, limit);
      },
      tableAdmin: ({ table }) => this.#tableAdmin(table, process),
      openReset: (request) => {
        const stream = memoryStreamClient(this.kinesis, request.target.stream.name);
        return openReset(request, stream, process.clock);
      },
      openImport: ({ table }) => {
        const run = new ImportRun({
          table,
          source: this.source,
          clock: process.clock,
          random: seededRandom(7),
          leaseDurationMs: 15_000,
        });
        return { step: (signal) => run.step(signal), close: () => {} };
      },
      close: () => {},
    };
  }

  #tableAdmin(name: string, process: DoomedProcess): ReturnType<AwsAccount['tableAdmin']> {
    const admin = this.tables.admin(name);
    const counted: typeof admin = {
      ...admin,
      apply: async (step, options) => {
        const result = await admin.apply(step, options);
        if (result === 'done' && step.do === 'create') this.#count(`table ${name}`);
        if (result === 'done' && step.do === 'delete') this.#rows.delete(name);
        return result;
      },
    };
    return process.through(counted, TABLE_READS, (_, [step]) => `table ${name} ${(step as TableStep).do}`);
  }

  #consumers(process: DoomedProcess): ReturnType<AwsAccount['streamConsumers']> {
    const consumers = memoryStreamConsumers(this.kinesis);
    const counted: typeof consumers = {
      ...consumers,
      register: async (streamArn, name, options) => {
        const registered = await consumers.register(streamArn, name, options);
        this.#count(`stream consumer ${name}`);
        return registered;
      },
    };
    return process.through(
      counted,
      CONSUMER_READS,
      (method, args) => `consumer ${method} ${String(args.at(-2))}`,
    );
  }
}

function describeObjectWrite(method: string, args: readonly unknown[]): string {
  if (method === 'writeLeaderElectionLease') return 'election';
  if (method === 'recordEvent') return `event ${(args[0] as { reason: string }).reason}`;
  const [kind, object] = args as [{ kind: string }, KubeObject | { namespace: string; name: string }];
  const key = 'metadata' in object ? keyOf(object) : object;
  return `${method} ${kind.kind} ${keyString(key)}`;
}
