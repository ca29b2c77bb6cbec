import type { clusterOptions } from '../cli/cluster-options.ts';
import { systemClock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { silentLog } from '../lib/log.ts';
import type { OptionValues } from '../lib/options.ts';
import { systemRandom } from '../lib/random.ts';
import { KubeCluster } from '../kubernetes/kube/cluster.ts';
import { loadKubeAccess, type KubeAccess } from '../kubernetes/kube/config.ts';

interface UserCluster {
  cluster: KubeCluster;
  /** The one asked for, else the context's. */
  namespace: string;
}

/**
 * Reads something in the cluster that somebody at a terminal means. `orElse`: what they can do when it does not answer.
 * @throws KcgError `InvalidInput` when none is configured; what Kubernetes refuses, with what its user can do about it
 */
export async function readUserCluster<T>(
  options: OptionValues<typeof clusterOptions>,
  { env, orElse }: { env: NodeJS.ProcessEnv; orElse?: string },
  read: (found: UserCluster) => Promise<T>,
): Promise<T> {
  const { server, kubeconfig, context } = options;
  const access = server === undefined ? loadKubeAccess({ kubeconfig, context, env }) : openAccess(server);
  const shared = { clock: systemClock, random: systemRandom, log: silentLog, instance: 'kcg-cli' };
  const cluster = new KubeCluster({ access, ...shared });
  try {
    return await read({ cluster, namespace: options.namespace ?? access.namespace });
  } catch (thrown) {
    throw forPeople(KcgError.from(thrown), orElse);
  } finally {
    await cluster.close();
  }
}

/** Not in the words for an operator, which has a service account and waits. */
function forPeople(error: KcgError, orElse: string | undefined): KcgError {
  const { code, message, resource } = error;
  if (code === 'AccessDenied') {
    const fix = 'The ClusterRole "view" has this right where kcg is installed with rbac.aggregate.';
    return new KcgError(code, message, { cause: error, resource, fix });
  }
  if (code !== 'Unavailable' && code !== 'Timeout') return error;
  const fix = ['Check the kubeconfig, its context and the network.', orElse].filter(Boolean).join(' ');
  return new KcgError(code, message, { cause: error, resource, fix });
}

/** A server on a trusted way, such as `kubectl proxy`. */
function openAccess(server: string): KubeAccess {
  return {
    server: server.replace(/\/+$/, ''),
    proxyUrl: undefined,
    namespace: 'default',
    credentials: async () => ({ headers: {}, tls: {} }),
  };
}
