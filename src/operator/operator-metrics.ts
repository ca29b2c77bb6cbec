import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ConditionStatus } from '../api/conditions.ts';
import type { GroupStatus } from '../api/group-status.ts';
import { systemClock, type Clock } from '../lib/clock.ts';
import { FailingTimes } from '../lib/failing-times.ts';
import { keyOf, keyString, type ObjectCache, type StoredObject } from '../kubernetes/cluster.ts';
import type { ReflectorEvent } from '../kubernetes/kube/reflector.ts';
import type { RequestReport } from '../kubernetes/kube/transport.ts';
import type { WorkQueue, WorkQueueOptions } from '../kubernetes/work-queue.ts';
import { JUDGEMENTS } from '../view/judge-shard.ts';
import type { ReconcilerOptions } from './reconcile-context.ts';

const CONDITION_STATUSES: readonly ConditionStatus[] = ['True', 'False', 'Unknown'];
const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Prometheus metrics of the operator; its methods are the hooks to hand out. Names and units are stable; `docs/metrics.md` lists them. */
export class OperatorMetrics {
  readonly registry = new Registry();
  readonly #registers = [this.registry];
  readonly #reconcileSeconds = new Histogram({
    name: 'kcg_operator_reconcile_duration_seconds',
    help: 'Duration of a reconciliation.',
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly #reconciles = this.#counter('reconciles_total', 'Reconciliations, by result.', ['result']);
  readonly #failing: FailingTimes;
  #queue: Pick<WorkQueue, 'longestRoundMs'> | undefined;
  #groups: Pick<ObjectCache, 'list'> | undefined;
  #isLeading = false;
  readonly #waited = this.#gauge('queue_wait_seconds', 'How long the last group waited for its turn.');
  readonly #leads = this.#gauge('leading', '1 while this process looks after groups; 0 while it stands by.');
  readonly #requests = this.#counter(
    'kube_requests_total',
    'Requests to the Kubernetes API, each try by itself, by HTTP status; code="none": there was no answer.',
    ['verb', 'resource', 'code'],
  );
  readonly #requestSeconds = new Histogram({
    name: 'kcg_operator_kube_request_duration_seconds',
    help: 'Until the Kubernetes API began to answer.',
    labelNames: ['verb'],
    buckets: SECONDS,
    registers: this.#registers,
  });
  readonly #lists = this.#counter(
    'watch_lists_total',
    'Complete lists of a kind: one at the start, and one when the watch cannot go on where it ended.',
    ['kind'],
  );
  readonly #shards = new Gauge({
    name: 'kcg_operator_shards',
    help: 'Shards of each group that is to read, by judgement: OK, Slow, Stalled, Stopped, Rewound, and Unknown before it can be told. With 0 there are only OK, and what is over.',
    labelNames: ['group', 'judgement'],
    registers: this.#registers,
  });
  /** By group, judgements that have a series: those that alerts go by. */
  readonly #told = new Map<string, Set<string>>();
  readonly #restarts = this.#counter(
    'watch_restarts_total',
    'Times the watch of a kind, or its list, failed and was begun anew after a pause.',
    ['kind'],
  );

  readonly #missed = this.#counter(
    'watch_missed_changes_total',
    'Changes that the watch of a kind had not told, found by a comparison with a list every 10 to 20 minutes, and made up for; 0 unless something loses events.',
    ['kind'],
  );

  constructor(clock: Clock = systemClock) {
    const failing = new FailingTimes(clock);
    this.#failing = failing;
    for (const result of ['success', 'error']) this.#reconciles.inc({ result }, 0);
    void new Gauge({
      name: 'kcg_operator_failing_seconds',
      help: 'How long something has kept the operator from doing what a group asks for, or the group has waited for a person; only of groups where it is so.',
      labelNames: ['group'],
      registers: this.#registers,
      collect() {
        this.reset(); // groups that fail no more
        for (const [group, ms] of failing.list()) this.set({ group }, ms / 1000);
      },
    });
    const readiness = () => (this.#isLeading ? (this.#groups?.list() ?? []).map(readinessOf) : []);
    void new Gauge({
      name: 'kcg_operator_group_condition',
      help: 'Conditions of each group, as its status has them: 1 for the status that holds, 0 for the other two. type is Ready; a group without the condition is Unknown.',
      labelNames: ['group', 'type', 'status'],
      registers: this.#registers,
      collect() {
        this.reset(); // groups that are gone
        for (const { group, ready } of readiness()) {
          for (const status of CONDITION_STATUSES)
            this.set({ group, type: 'Ready', status }, status === ready ? 1 : 0);
        }
      },
    });
    const longestMs = () => this.#queue?.longestRoundMs ?? 0;
    void new Gauge({
      name: 'kcg_operator_longest_look_seconds',
      help: 'How long the reconciliation that has run longest has been running; 0 when none runs.',
      registers: this.#registers,
      collect() {
        this.set(longestMs() / 1000);
      },
    });
  }

  readonly onQueue = (queue: Pick<WorkQueue, 'longestRoundMs'>): void => {
    this.#queue = queue;
  };

  /** Those that the operator watches. */
  readonly onGroups = (groups: Pick<ObjectCache, 'list'>): void => {
    this.#groups = groups;
  };

  readonly onReconcile: NonNullable<WorkQueueOptions['onDone']> = ({
    key,
    waitedMs,
    ranMs,
    failed,
    stuck,
  }) => {
    this.#reconcileSeconds.observe(ranMs / 1000);
    this.#waited.set(waitedMs / 1000);
    this.#reconciles.inc({ result: failed ? 'error' : 'success' });
    if (stuck) this.#failing.failed(key);
    else this.#failing.over(key);
  };

  readonly onRequest = ({ verb, resource, statusCode, seconds }: RequestReport): void => {
    this.#requests.inc({ verb, resource, code: statusCode === 0 ? 'none' : String(statusCode) });
    this.#requestSeconds.observe({ verb }, seconds);
  };

  readonly onReflector = (event: ReflectorEvent): void => {
    const { type, kind } = event;
    if (type === 'listed') {
      this.#lists.inc({ kind });
      this.#missed.inc({ kind }, 0);
    } else if (type === 'missed') this.#missed.inc({ kind }, event.changes);
    else if (type === 'failed') this.#restarts.inc({ kind });
  };

  readonly onJudged: NonNullable<ReconcilerOptions['onJudged']> = (group, shards) => {
    // A series that is 0 nearly always, for each of thousands of groups, costs more than it tells; one says that the group is read.
    const told = this.#told.get(group) ?? new Set<string>(['OK']);
    for (const judgement of [...JUDGEMENTS, 'Unknown'] as const) {
      const count = shards?.get(judgement) ?? 0;
      // One that only ends is taken for what it was for minutes more, where metrics are pushed.
      if (count > 0 && judgement !== 'Unknown') told.add(judgement);
      if (count > 0 || (shards && told.has(judgement))) this.#shards.set({ group, judgement }, count);
      else this.#shards.remove({ group, judgement });
    }
    if (shards) this.#told.set(group, told);
    else this.#told.delete(group);
  };

  leading(leads: boolean): void {
    this.#isLeading = leads;
    this.#leads.set(leads ? 1 : 0);
    // Whoever leads next looks for itself.
    this.#failing.allOver();
    this.#shards.reset();
    this.#told.clear();
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: `kcg_operator_${name}`, help, labelNames, registers: this.#registers });
  }

  #gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `kcg_operator_${name}`, help, registers: this.#registers });
  }
}

function readinessOf(object: StoredObject): { group: string; ready: ConditionStatus } {
  const { conditions = [] } = (object.status ?? {}) as GroupStatus;
  const ready = conditions.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
  return { group: keyString(keyOf(object)), ready };
}
