import { KcgError } from '../../lib/errors.ts';
import type { ResourceKind, StoredObject } from '../cluster.ts';
import { resourcePath } from './paths.ts';
import type { KubeTransport } from './transport.ts';

export interface ListPagesOptions {
  transport: KubeTransport;
  kind: ResourceKind;
  /** Objects per page; default 500. */
  pageSize?: number | undefined;
  /** All namespaces when absent. */
  namespace?: string | undefined;
  /** Which objects. */
  query: Readonly<Record<string, string | undefined>>;
  /** Of each page, as `KubeRequest.attempts`. */
  attempts?: number | undefined;
  /** Of each object its metadata alone. */
  metadataOnly?: boolean;
  /** After each page. */
  onPage?: () => void;
  signal?: AbortSignal | undefined;
}

/** What does not know it answers with whole objects. */
const METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** All pages of a list; a page token that expired fails the whole. */
export async function listPages(
  options: ListPagesOptions,
): Promise<{ objects: StoredObject[]; version: string }> {
  const {
    transport,
    kind,
    namespace,
    query,
    pageSize = 500,
    attempts,
    metadataOnly,
    onPage,
    signal,
  } = options;
  const objects: StoredObject[] = [];
  let token: string | undefined;
  for (;;) {
    const { body } = await transport.request({
      method: 'GET',
      verb: 'list',
      resource: kind.plural,
      path: resourcePath(kind, namespace),
      query: { ...query, limit: String(pageSize), continue: token },
      mediaType: metadataOnly ? METADATA : undefined,
      attempts,
      signal,
    });
    const { items, metadata } = withMetadata<{
      items?: unknown[];
      metadata: { continue?: string; resourceVersion?: string };
    }>(body, kind);
    onPage?.();
    for (const item of items ?? []) objects.push(asStored(item, kind));
    token = metadata.continue;
    if (!token) return { objects, version: metadata.resourceVersion ?? '' };
  }
}

/**
 * An object from the wire, without the bulk that nobody reads; items of lists do not say their kind.
 * @throws KcgError `Unavailable` when it is no object of Kubernetes
 */
export function asStored(value: unknown, kind: ResourceKind): StoredObject {
  const { metadata: all, ...rest } = withMetadata<StoredObject>(value, kind);
  // A copy, as an object that a field was deleted of is slower and larger for good.
  const { managedFields: _, ...metadata } = all as typeof all & { managedFields?: unknown };
  return { ...rest, apiVersion: kind.apiVersion, kind: kind.kind, metadata };
}

/** A proxy or a load balancer may answer 200 with a page of its own: that is no empty list. */
function withMetadata<T extends { metadata: object }>(value: unknown, { plural }: ResourceKind): T {
  const { metadata } = (value ?? {}) as { metadata?: unknown };
  if (typeof metadata === 'object' && metadata !== null) return value as T;
  throw new KcgError('Unavailable', `what answers for ${plural} is no Kubernetes API server`, {
    fix: 'Check the server in the kubeconfig, and what is in between.',
  });
}
