import {
  keyOf,
  type ApplyOptions,
  type ApplyResult,
  type FieldConflict,
  type KubeObject,
  type ResourceKind,
  type StatusResult,
} from '../cluster.ts';
import { messageOf, statusError, type KubeStatus } from './errors.ts';
import { asStored } from './list-pages.ts';
import { on } from './paths.ts';
import type { KubeTransport } from './transport.ts';

/** What does not know it answers with the whole object. */
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/** As `Cluster.apply`. */
export function applyObject(
  transport: KubeTransport,
  kind: ResourceKind,
  object: KubeObject,
  options: ApplyOptions,
): Promise<ApplyResult> {
  const { status: _, ...main } = object;
  return apply(transport, kind, { ...main, metadata: writableMetadata(object) }, options);
}

/** As `Cluster.applyStatus`. The answer is of its metadata: of a group, the rest is half of the bytes, and known. */
export async function applyStatus(
  transport: KubeTransport,
  kind: ResourceKind,
  object: KubeObject,
  options: ApplyOptions,
): Promise<StatusResult> {
  const {
    labels: _,
    annotations: __,
    finalizers: ___,
    ownerReferences: ____,
    ...metadata
  } = writableMetadata(object);
  const result = await apply(transport, kind, { ...object, spec: undefined, metadata }, options, 'status');
  if (result.outcome !== 'applied') return result;
  const { outcome, changed } = result;
  return { outcome, changed, version: result.object.metadata.resourceVersion };
}

async function apply(
  transport: KubeTransport,
  kind: ResourceKind,
  object: KubeObject,
  { fieldManager, force = false, known, signal }: ApplyOptions,
  subresource?: 'status',
): Promise<ApplyResult> {
  const { uid, resourceVersion } = object.metadata;
  const conditional = uid !== undefined || resourceVersion !== undefined || subresource !== undefined;
  const subject = on(kind, keyOf(object), 'patch', subresource);
  const { statusCode, body } = await transport.request({
    ...subject,
    method: 'PATCH',
    query: { fieldManager, force: String(force) },
    contentType: 'application/apply-patch+yaml',
    mediaType: subresource && METADATA,
    body: object,
    idempotent: resourceVersion === undefined,
    accept: uid !== undefined ? [404, 409, 422] : conditional ? [404, 409] : [409],
    signal,
  });
  if (statusCode === 422 && !isOtherUid(body as KubeStatus)) throw statusError({ statusCode, body }, subject);
  if (statusCode === 404 || statusCode === 422) return { outcome: 'lost', message: messageOf(body) };
  if (statusCode === 409) return conflictOf(body as KubeStatus);
  const stored = asStored(body, kind);
  // The status subresource ignores the uid: a successor of that name has got this status until its own reconcile.
  if (uid !== undefined && stored.metadata.uid !== uid)
    return { outcome: 'lost', message: 'it was replaced' };
  const changed = known?.metadata.resourceVersion !== stored.metadata.resourceVersion;
  return { outcome: 'applied', object: stored, changed };
}

/** What a client may say of metadata; the rest is the server's, which would refuse some of it. */
function writableMetadata({ metadata }: KubeObject): KubeObject['metadata'] {
  const { creationTimestamp: _, deletionTimestamp: __, generation: ___, ...writable } = metadata;
  return writable;
}

function conflictOf(status: KubeStatus): ApplyResult {
  const causes = (status.details?.causes ?? []).filter(({ reason }) => reason === 'FieldManagerConflict');
  const message = messageOf(status);
  if (causes.length === 0) return { outcome: 'lost', message };
  const fields: FieldConflict[] = causes.map(({ field = '', message: cause = '' }) => ({
    field,
    manager: cause.replace(/^conflict with /, ''),
  }));
  return { outcome: 'conflict', message, fields };
}

/** How an existing object of another uid is answered; where none exists it is a plain 409. */
function isOtherUid({ details }: KubeStatus): boolean {
  return details?.causes?.some(({ field }) => field === 'metadata.uid') ?? false;
}
