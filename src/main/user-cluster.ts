import type { clusterOptions } from '../cli/cluster-options.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import type { OptionValues } from '../lib/options.ts';
import { systemRandom } from '../lib/random.ts';
import { KubeCluster } from '../kubernetes/kube/cluster.ts';
import { loadKubeAccess, type KubeAccess } from '../kubernetes/kube/config.ts';

export interface UserCluster {
  cluster: KubeCluster;
  /** The one asked for, else the context's. */
  namespace: string;
}

/**
 * The cluster that somebody at a terminal means.
 * @throws KcgError `InvalidInput` when none is configured
 */
export function openUserCluster(
  options: OptionValues<typeof clusterOptions>,
  env: NodeJS.ProcessEnv,
): UserCluster {
  const { server, kubeconfig, context } = options;
  const access = server === undefined ? loadKubeAccess({ kubeconfig, context, env }) : openAccess(server);
  const shared = { clock: systemClock, random: systemRandom, log: silentLog, instance: 'kcg-cli' };
  return {
    cluster: new KubeCluster({ access, ...shared }),
    namespace: options.namespace ?? access.namespace,
  };
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
