import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { systemRandom as random } from '../../src/lib/random.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess, type KubeAccess } from '../../src/kubernetes/kube/config.ts';
import type { RequestReport } from '../../src/kubernetes/kube/transport.ts';
import { runAsLeader } from '../../src/kubernetes/leader-election.ts';
import { openReset } from '../../src/main/operator/offset-reset.ts';
import { runOperator } from '../../src/operator/operator.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { memoryAws } from '../support/memory-aws.ts';

export type InstalledOperator = Awaited<ReturnType<typeof startInstalledOperator>>;

/** The operator as its Deployment would run it: with the rights of its ServiceAccount. AWS is the twins'. */
export async function startInstalledOperator(
  plane: ControlPlane,
  { namespaces = [], clusterId }: { namespaces?: readonly string[]; clusterId?: string } = {},
) {
  const requests: RequestReport[] = [];
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 2 });
  const table = new MemoryLeaseTable();
  /** By group id; the first one's is `table`. */
  const rows = new Map<string, MemoryLeaseTable>();
  const cluster = new KubeCluster({
    access: await accessOf(plane, { namespace: 'kcg-system', name: 'kcg' }),
    clock,
    random,
    log,
    instance: 'test',
    clusterId,
    onRequest: (report) => requests.push(report),
  });
  const aws = memoryAws(kinesis, async ({ groupId }) => {
    const held = rows.get(groupId) ?? (rows.size === 0 ? table : new MemoryLeaseTable());
    rows.set(groupId, held);
    return held;
  });
  const stop = new AbortController();
  const lead = (signal: AbortSignal) =>
    runOperator(
      {
        cluster,
        aws: {
          ...aws,
          openReset: (request) => openReset(request, memoryStreamClient(kinesis, 'orders'), clock),
        },
        clock,
        random,
        log,
        options: { workerImage: 'kcg:test', pollMs: 200, namespaces },
      },
      signal,
    );
  const key = { namespace: 'kcg-system', name: 'kcg-operator' };
  const ended = (async () => {
    // On a busy machine it may lose its turn: its pod would start again.
    while (!stop.signal.aborted)
      await runAsLeader({ cluster, clock, random, key, identity: 'test' }, stop.signal, lead);
  })();
  return {
    cluster,
    kinesis,
    table,
    requests,
    /** `verb resource` of each kind of request so far; subresources are not told apart. */
    made: () => new Set(requests.map(({ verb, resource }) => `${verb} ${resource}`)),
    async stop(): Promise<void> {
      stop.abort();
      await ended;
      await cluster.close();
    },
  };
}

/** The given kubeconfig's cluster, with a token of the ServiceAccount. */
async function accessOf(
  plane: ControlPlane,
  { namespace, name }: { namespace: string; name: string },
): Promise<KubeAccess> {
  const { code, stdout, stderr } = await plane.kubectl(['create', 'token', name, '-n', namespace]);
  if (code !== 0) throw new Error(stderr);
  const admin = parse(readFileSync(plane.kubeconfig, 'utf8')) as {
    'current-context': string;
    contexts: Context[];
  };
  const { cluster } = admin.contexts.find((each) => each.name === admin['current-context'])!.context;
  const folder = mkdtempSync(join(tmpdir(), 'kcg-chart-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const users = [{ name, user: { token: stdout.trim() } }];
  const contexts = [{ name, context: { cluster, user: name, namespace } }];
  writeFileSync(kubeconfig, JSON.stringify({ ...admin, users, contexts, 'current-context': name }));
  const access = loadKubeAccess({ kubeconfig });
  // Read once more now, as a later reading finds no file.
  const credentials = await access.credentials({ fresh: false });
  rmSync(folder, { recursive: true });
  return { ...access, credentials: async () => credentials };
}

interface Context {
  name: string;
  context: { cluster: string };
}
