import type { clusterOptions } from '../../cli/cluster-options.ts';
import { systemClock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { silentLog } from '../../lib/log.ts';
import type { OptionValues } from '../../lib/options.ts';
import { systemRandom } from '../../lib/random.ts';
import { KubeCluster } from '../../kubernetes/kube/cluster.ts';
import { loadKubeAccess, type KubeAccess } from '../../kubernetes/kube/config.ts';
import { KubeTransport } from '../../kubernetes/kube/transport.ts';
import { KubeUserCalls } from '../../kubernetes/kube/user-calls.ts';

export interface UserCluster {
  cluster: KubeCluster;
  calls: KubeUserCalls;
  /** The one asked for, else the context's. */
  namespace: string;
  /** An error of Kubernetes in the words of somebody at a terminal. */
  explain: (thrown: unknown) => KcgError;
}

interface OpenOptions {
  env: NodeJS.ProcessEnv;
  /** What its user can do when the cluster does not answer. */
  orElse?: string;
}

/**
 * The cluster that somebody at a terminal means; nothing is asked yet. Close `cluster` when done.
 * @throws KcgError `InvalidInput` when none is configured
 */
export async function openUserCluster(
  options: OptionValues<typeof clusterOptions>,
  { env, orElse }: OpenOptions,
): Promise<UserCluster> {
  const { server, kubeconfig, context } = options;
  const access = server === undefined ? loadKubeAccess({ kubeconfig, context, env }) : openAccess(server);
  const shared = { access, clock: systemClock, random: systemRandom };
  const transport = new KubeTransport(shared);
  const cluster = new KubeCluster({ ...shared, transport, log: silentLog, instance: 'kcg-cli' });
  return {
    cluster,
    calls: new KubeUserCalls(transport),
    namespace: options.namespace ?? access.namespace,
    explain: (thrown) => forPeople(KcgError.from(thrown), orElse),
  };
}

/**
 * Does something with the cluster that somebody at a terminal means.
 * @throws KcgError `InvalidInput` when none is configured; what Kubernetes refuses, with what its user can do about it
 */
export async function readUserCluster<T>(
  options: OptionValues<typeof clusterOptions>,
  open: OpenOptions,
  read: (found: UserCluster) => Promise<T>,
): Promise<T> {
  const found = await openUserCluster(options, open);
  try {
    return await read(found);
  } catch (thrown) {
    throw found.explain(thrown);
  } finally {
    await found.cluster.close();
  }
}

/** Not in the words for an operator, which has a service account and waits. */
function forPeople(error: KcgError, orElse: string | undefined): KcgError {
  const { code, message, resource } = error;
  if (code === 'AccessDenied') {
    const isRead = /^cannot (get|list|watch) kinesis/.test(message);
    const fix = isRead
      ? 'The ClusterRole "view" has this right where kcg is installed with rbac.aggregate.'
      : 'Ask for a role that allows it; kcg doctor lists the rights that its commands use.';
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
