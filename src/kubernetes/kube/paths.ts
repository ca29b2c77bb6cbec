import { keyString, type ListOptions, type ObjectKey, type ResourceKind } from '../cluster.ts';
import type { KubeRequest } from './transport.ts';

/** `/apis/apps/v1/namespaces/shop/deployments/orders/status`; without name the collection, without namespace all of them. */
export function resourcePath(
  { apiVersion, plural, namespaced }: ResourceKind,
  namespace?: string,
  name?: string,
  subresource?: 'status',
): string {
  let path = `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}`;
  if (namespaced && namespace) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${plural}`;
  if (name !== undefined) path += `/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Of a request about one object. */
export function on(
  kind: ResourceKind,
  key: ObjectKey,
  verb: string,
  subresource?: 'status',
): Pick<KubeRequest, 'verb' | 'resource' | 'path'> {
  const path = resourcePath(kind, key.namespace, key.name, subresource);
  return { verb, resource: `${kind.plural} ${keyString(key)}`, path };
}

/** All of the labels have to match; without labels the selector is undefined, and everything does. */
export function listQuery({ labels }: ListOptions): { labelSelector: string | undefined } {
  const terms = Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return { labelSelector: terms.length > 0 ? terms.join(',') : undefined };
}
