import { getOptions, printGroups, type ListedGroup } from '../cli/get.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { parseOptions } from '../lib/options.ts';
import { systemRandom } from '../lib/random.ts';
import { KINDS } from '../kubernetes/cluster.ts';
import { KubeCluster } from '../kubernetes/kube/cluster.ts';
import { loadKubeAccess, type KubeAccess } from '../kubernetes/kube/config.ts';

export { getOptions };

/** `kcg get`: lists consumer groups. */
export async function runGetCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(getOptions, argv, env, { positionals: 1 });
  const { server, kubeconfig, context } = options;
  const access = server === undefined ? loadKubeAccess({ kubeconfig, context, env }) : openAccess(server);
  const namespace = options.namespace ?? access.namespace;
  const cluster = new KubeCluster({
    access,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    instance: 'kcg-cli',
  });
  try {
    const objects = await cluster.list(KINDS.consumerGroup, {
      namespace: options.allNamespaces ? undefined : namespace,
      signal: stop,
    });
    const groups = objects as unknown as ListedGroup[];
    const text = printGroups({ options, name: positionals[0], groups, namespace, now: systemClock.now() });
    process.stdout.write(`${text}\n`);
    return 0;
  } finally {
    await cluster.close();
  }
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
