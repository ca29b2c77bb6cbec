import { systemClock } from '../../src/lib/clock.ts';
import { describeError } from '../../src/lib/errors.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { KubeTransport } from '../../src/kubernetes/kube/transport.ts';

/** What the API server makes of an object, or why it takes it not. */
export type DryRun = { taken: { spec: unknown } } | { refused: string };

/** Asks the API server itself, over one connection: a kubectl for each of hundreds of questions costs more than the answers. */
export function apiServerOf(kubeconfig: string) {
  const transport = new KubeTransport({
    access: loadKubeAccess({ kubeconfig }),
    clock: systemClock,
    random: systemRandom,
    qps: 1_000,
    burst: 1_000,
  });
  return {
    /** What is at a path. @throws KcgError when the API server says no */
    async get<T>(path: string): Promise<T> {
      return (await transport.request({ verb: 'get', resource: path, method: 'GET', path })).body as T;
    },
    /** Server-side apply of a group that changes nothing, as strict as kubectl's. */
    async dryRun(group: { metadata: { name?: unknown; namespace?: unknown } }): Promise<DryRun> {
      const { name, namespace } = group.metadata;
      const path = `/apis/kcg.dev/v1alpha1/namespaces/${String(namespace)}/kinesisconsumergroups/${String(name)}`;
      try {
        const { body } = await transport.request({
          verb: 'patch',
          resource: `kinesisconsumergroups ${String(name)}`,
          method: 'PATCH',
          path: `${path}?fieldManager=test&dryRun=All&fieldValidation=Strict`,
          contentType: 'application/apply-patch+yaml',
          body: group,
        });
        return { taken: body as { spec: unknown } };
      } catch (thrown) {
        return { refused: describeError(thrown) };
      }
    },
    close: () => transport.close(),
  };
}
