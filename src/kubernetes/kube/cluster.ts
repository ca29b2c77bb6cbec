import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type {
  ApplyOptions,
  ApplyResult,
  CallOptions,
  Cluster,
  EventInput,
  KubeObject,
  LeaderElectionLease,
  LeaderElectionRecord,
  LeaseWriteResult,
  ListOptions,
  MetadataPatch,
  ObjectCache,
  ObjectKey,
  PatchResult,
  ResourceKind,
  StatusResult,
  StoredObject,
  WatchOptions,
} from '../cluster.ts';
import { KINDS, keyOf } from '../cluster.ts';
import type { KubeAccess } from './config.ts';
import { applyObject, applyStatus } from './apply.ts';
import { isUnserved, messageOf, statusError } from './errors.ts';
import { KubeEventRecorder } from './events.ts';
import { JoinedEvents } from '../joined-events.ts';
import { leaseObject, leaseRecord } from './lease.ts';
import { listQuery, on, resourcePath } from './paths.ts';
import { asStored, listPages } from './list-pages.ts';
import { logReflector } from './log-reflector.ts';
import { KubeReflector, type ReflectorEvent } from './reflector.ts';
import { KubeTransport, type RequestReport } from './transport.ts';

export interface KubeClusterOptions {
  access: KubeAccess;
  clock: Clock;
  random: Random;
  log: Log;
  /** This process, in events: the pod's name. */
  instance: string;
  /** Default: the uid of kube-system, which is read then. */
  clusterId?: string | undefined;
  /** Requests per second, sustained and at once; see `KubeTransport`. */
  qps?: number;
  burst?: number;
  onRequest?: (report: RequestReport) => void;
  /** To share its connections. Default: one of its own. */
  transport?: KubeTransport;
  onReflector?: (event: ReflectorEvent) => void;
}

const EVENT_GRACE_MS = 2_000;
/** Leader election has its own rhythm of tries. */
const LEASE_CALL = { urgent: true, attempts: 1, timeoutMs: 5_000 } as const;

/** `Cluster` over a real API server. */
export class KubeCluster implements Cluster {
  readonly #options: KubeClusterOptions;
  readonly #transport: KubeTransport;
  readonly #events: KubeEventRecorder;
  readonly #joined: JoinedEvents;
  readonly #reflectors = new Set<KubeReflector>();
  #clusterId: string | undefined;

  constructor(options: KubeClusterOptions) {
    this.#options = options;
    this.#clusterId = options.clusterId;
    this.#transport = options.transport ?? new KubeTransport(options);
    this.#events = new KubeEventRecorder({
      ...options,
      transport: this.#transport,
      onDrop: (thrown) => options.log.debug('event not written', { error: String(thrown) }),
    });
    this.#joined = new JoinedEvents(options.clock, (event) => this.#events.record(event));
  }

  /** When the watch that is most behind was last alive, as `KubeReflector.heardAtMs`; undefined when there is none. */
  get heardAtMs(): number | undefined {
    const all = [...this.#reflectors].map(({ heardAtMs }) => heardAtMs);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  watch(kind: ResourceKind, watch: WatchOptions): ObjectCache {
    const { clock, random, log, onReflector } = this.#options;
    const onEvent = (event: ReflectorEvent) => {
      logReflector(log, event);
      onReflector?.(event);
    };
    const reflector = new KubeReflector({ transport: this.#transport, kind, watch, clock, random, onEvent });
    this.#reflectors.add(reflector);
    void reflector.run().finally(() => this.#reflectors.delete(reflector));
    return reflector.store;
  }

  async get(
    kind: ResourceKind,
    key: ObjectKey,
    { signal }: CallOptions = {},
  ): Promise<StoredObject | undefined> {
    const subject = on(kind, key, 'get');
    const { statusCode, body } = await this.#transport.request({
      ...subject,
      method: 'GET',
      accept: [404],
      signal,
    });
    if (isUnserved(statusCode, body)) throw statusError({ statusCode, body }, subject);
    return statusCode === 404 ? undefined : asStored(body, kind);
  }

  async list(kind: ResourceKind, options: ListOptions = {}): Promise<StoredObject[]> {
    const { namespace, signal } = options;
    const query = listQuery(options);
    const { objects } = await listPages({ transport: this.#transport, kind, namespace, query, signal });
    return objects;
  }

  apply(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<ApplyResult> {
    return applyObject(this.#transport, kind, object, options);
  }

  applyStatus(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<StatusResult> {
    return applyStatus(this.#transport, kind, object, options);
  }

  async patchMetadata(
    kind: ResourceKind,
    object: StoredObject,
    patch: MetadataPatch,
    { signal }: CallOptions = {},
  ): Promise<PatchResult> {
    const { uid, resourceVersion } = object.metadata;
    const { statusCode, body } = await this.#transport.request({
      ...on(kind, keyOf(object), 'patch'),
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { metadata: { ...patch, uid, resourceVersion } },
      accept: [404, 409],
      signal,
    });
    if (statusCode >= 400) return { outcome: 'lost', message: messageOf(body) };
    return { outcome: 'patched', object: asStored(body, kind) };
  }

  async delete(
    kind: ResourceKind,
    key: ObjectKey,
    { uid, signal }: CallOptions & { uid?: string | undefined } = {},
  ): Promise<{ outcome: 'deleted' | 'gone' }> {
    const { statusCode } = await this.#transport.request({
      ...on(kind, key, 'delete'),
      method: 'DELETE',
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      },
      // Without a uid, a second try could delete the object's successor.
      idempotent: uid !== undefined,
      accept: uid === undefined ? [404] : [404, 409],
      signal,
    });
    return { outcome: statusCode >= 400 ? 'gone' : 'deleted' };
  }

  recordEvent(event: EventInput): void {
    this.#joined.record(event);
  }

  async clusterId(options: CallOptions = {}): Promise<string> {
    if (this.#clusterId === undefined) {
      const key = { namespace: '', name: 'kube-system' };
      const namespace = await this.get(KINDS.namespace, key, options);
      if (!namespace)
        throw statusError({ statusCode: 404, body: undefined }, on(KINDS.namespace, key, 'get'));
      this.#clusterId = namespace.metadata.uid;
    }
    return this.#clusterId;
  }

  async now({ signal }: CallOptions = {}): Promise<number | undefined> {
    const subject = { verb: 'get', resource: 'version' };
    // A refusal tells the time as well.
    const request = { method: 'GET', path: '/version', accept: [403, 404], ...subject, signal } as const;
    const { date } = await this.#transport.request(request);
    const nowMs = Date.parse(date ?? '');
    return Number.isNaN(nowMs) ? undefined : nowMs;
  }

  async readLeaderElectionLease(
    key: ObjectKey,
    { signal }: CallOptions = {},
  ): Promise<LeaderElectionLease | undefined> {
    const { statusCode, body } = await this.#transport.request({
      ...on(KINDS.leaderElectionLease, key, 'get'),
      ...LEASE_CALL,
      method: 'GET',
      accept: [404],
      signal,
    });
    if (statusCode === 404) return undefined;
    const stored = asStored(body, KINDS.leaderElectionLease);
    return { record: leaseRecord(stored), version: stored.metadata.resourceVersion };
  }

  async writeLeaderElectionLease(
    key: ObjectKey,
    record: LeaderElectionRecord,
    { version, signal }: CallOptions & { version?: string | undefined } = {},
  ): Promise<LeaseWriteResult> {
    const kind = KINDS.leaderElectionLease;
    const { statusCode, body } = await this.#transport.request({
      ...on(kind, key, version === undefined ? 'create' : 'update'),
      ...LEASE_CALL,
      method: version === undefined ? 'POST' : 'PUT',
      path: resourcePath(kind, key.namespace, version === undefined ? undefined : key.name),
      body: leaseObject(key, record, version),
      accept: version === undefined ? [409] : [404, 409],
      signal,
    });
    if (statusCode >= 400) return { outcome: 'lost', message: messageOf(body) };
    return { outcome: 'written', version: asStored(body, kind).metadata.resourceVersion };
  }

  async close(): Promise<void> {
    this.#joined.close();
    await this.#events.close(EVENT_GRACE_MS);
    await this.#transport.close();
  }
}
