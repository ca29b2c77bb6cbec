import { KcgError } from '../../lib/errors.ts';
import { KINDS, keyString, type ObjectKey, type ResourceKind, type StoredObject } from '../cluster.ts';
import { on, resourcePath } from './paths.ts';
import { asStored, listPages } from './list-pages.ts';
import type { KubeTransport } from './transport.ts';

export interface SelectOptions {
  /** All namespaces when absent. */
  namespace?: string | undefined;
  /** As `kubectl -l` takes it: `app=a,tier!=b,env in (x,y)`. */
  selector?: string | undefined;
  /** As `kubectl --field-selector` takes it. */
  fields?: string | undefined;
  signal: AbortSignal;
}

export interface PatchOptions {
  /** The server checks it, and nothing is kept. */
  dryRun?: boolean;
  /** Fields that the server does not know are refused, not left out. */
  strict?: boolean;
  signal: AbortSignal;
}

export interface LogOptions {
  container?: string | undefined;
  follow?: boolean;
  /** Of the container's life before this one. */
  previous?: boolean;
  tailLines?: number | undefined;
  sinceSeconds?: number | undefined;
  signal: AbortSignal;
}

const FIELD_MANAGER = 'kubectl-kcg';

/**
 * What somebody at a terminal asks of the API server beyond what the operator does. Each throws `KcgError` as `Cluster` does.
 */
export class KubeUserCalls {
  readonly #transport: KubeTransport;

  constructor(transport: KubeTransport) {
    this.#transport = transport;
  }

  /** All pages. @throws KcgError also `InvalidInput`, for a selector that the server cannot read */
  async select(kind: ResourceKind, options: SelectOptions): Promise<StoredObject[]> {
    const { namespace, selector, fields, signal } = options;
    const query = { labelSelector: selector, fieldSelector: fields };
    const { objects } = await listPages({ transport: this.#transport, kind, namespace, query, signal });
    return objects;
  }

  /** Merge patch: what is named is set, `null` removes it. */
  async patch(
    kind: ResourceKind,
    key: ObjectKey,
    body: object,
    options: PatchOptions,
  ): Promise<StoredObject> {
    const { dryRun, strict, signal } = options;
    const answer = await this.#transport.request({
      ...on(kind, key, 'patch'),
      method: 'PATCH',
      query: {
        fieldManager: FIELD_MANAGER,
        dryRun: dryRun ? 'All' : undefined,
        fieldValidation: strict ? 'Strict' : undefined,
      },
      contentType: 'application/merge-patch+json',
      body,
      idempotent: true,
      signal,
    });
    return asStored(answer.body, kind);
  }

  /** Server-side apply that changes nothing: what the server would make of the object. */
  async tryApply(
    kind: ResourceKind,
    key: ObjectKey,
    body: object,
    { fieldManager = FIELD_MANAGER, signal }: { fieldManager?: string; signal: AbortSignal },
  ): Promise<StoredObject> {
    const answer = await this.#transport.request({
      ...on(kind, key, 'patch'),
      method: 'PATCH',
      query: { fieldManager, dryRun: 'All', fieldValidation: 'Strict', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body,
      idempotent: true,
      signal,
    });
    return asStored(answer.body, kind);
  }

  /** As `kubectl drain` does it: a PodDisruptionBudget may say not now. */
  async evict(
    key: ObjectKey,
    { dryRun, signal }: PatchOptions,
  ): Promise<{ outcome: 'evicted' | 'gone' } | { outcome: 'refused'; message: string }> {
    const { statusCode, body } = await this.#transport.request({
      method: 'POST',
      verb: 'create',
      resource: `pods/eviction ${keyString(key)}`,
      path: `${resourcePath(KINDS.pod, key.namespace, key.name)}/eviction`,
      query: { dryRun: dryRun ? 'All' : undefined },
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: key },
      accept: [404, 429],
      attempts: 1,
      signal,
    });
    if (statusCode === 404) return { outcome: 'gone' };
    if (statusCode < 400) return { outcome: 'evicted' };
    return { outcome: 'refused', message: (body as { message?: string }).message ?? 'too many requests' };
  }

  /** The log of one container, as it comes. */
  async log(key: ObjectKey, options: LogOptions): Promise<AsyncIterable<Buffer>> {
    const { container, follow, previous, tailLines, sinceSeconds, signal } = options;
    const { chunks } = await this.#transport.stream({
      method: 'GET',
      verb: 'get',
      resource: `pods/log ${keyString(key)}`,
      path: `${resourcePath(KINDS.pod, key.namespace, key.name)}/log`,
      query: {
        container,
        follow: follow ? 'true' : undefined,
        previous: previous ? 'true' : undefined,
        tailLines: tailLines?.toString(),
        sinceSeconds: sinceSeconds?.toString(),
      },
      signal,
    });
    return chunks;
  }

  /** What a pod answers to `GET path` on a port, by way of the API server. */
  async askPod(key: ObjectKey, port: number, path: string, signal: AbortSignal): Promise<string> {
    const { namespace, name } = key;
    const { body } = await this.#transport.request({
      method: 'GET',
      verb: 'get',
      resource: `pods/proxy ${keyString(key)}`,
      path: `${resourcePath(KINDS.pod, namespace, `${name}:${port}`)}/proxy${path}`,
      attempts: 1,
      timeoutMs: 10_000,
      signal,
    });
    return String(body);
  }

  /** Whether the user may. */
  async mayI(
    attributes: { verb: string; group: string; resource: string; subresource?: string; namespace?: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { body } = await this.#transport.request({
      method: 'POST',
      verb: 'create',
      resource: 'selfsubjectaccessreviews',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: attributes },
      },
      idempotent: true,
      signal,
    });
    return (body as { status?: { allowed?: boolean } }).status?.allowed === true;
  }

  /** `v1.37.2`. */
  async version(signal: AbortSignal): Promise<string> {
    const { body } = await this.#transport.request({
      method: 'GET',
      verb: 'get',
      resource: 'version',
      path: '/version',
      signal,
    });
    const { gitVersion } = body as { gitVersion?: string };
    if (gitVersion !== undefined) return gitVersion;
    throw new KcgError('Internal', 'what answers is no Kubernetes API server: it does not say its version', {
      fix: 'Check the server in the kubeconfig.',
    });
  }
}
