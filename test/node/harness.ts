import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { startCollector } from '../../src/dev/demo/collector.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { produce } from '../../src/dev/demo/producer.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { systemRandom as random } from '../../src/lib/random.ts';
import { apiServerOf } from '../support/api-server.ts';
import { HOST_SEEN_FROM_PODS, startNodeCluster } from '../support/node-cluster.ts';
import { until as untilTold } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What the README calls it; the tag is the chart's appVersion. */
const IMAGE = 'registry.example/kcg:0.1.0';
const NAMESPACE = 'shop';

export interface Pod {
  spec: { nodeName?: string; containers: { name: string; image: string }[] };
  metadata: { name: string; deletionTimestamp?: string; annotations: Record<string, string> };
  status: {
    phase: string;
    conditions?: { type: string; status: string }[];
    podIP?: string;
    containerStatuses?: {
      name: string;
      restartCount: number;
      lastState?: { terminated?: { reason?: string } };
    }[];
  };
}
export type NodeHarness = Awaited<ReturnType<typeof startNodeHarness>>;

let archive: string | undefined;

/** kcg's image in a file, built once for all harnesses of this process. */
function imageArchive(): string {
  if (archive !== undefined) return archive;
  const out = join(ROOT, 'out/kcg-node.tar');
  const script = (name: string, ...args: string[]) =>
    execFileSync(process.execPath, [join(ROOT, 'scripts', name), ...args], {
      stdio: ['ignore', 'ignore', 2],
    });
  script('build.ts');
  const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
  script('build-image.ts', '--name', IMAGE, '--platform', platform, '--out', out);
  archive = out;
  return archive;
}

/** A cluster with a node, kcg in it as a user would install it, and local AWS servers on this machine. */
export async function startNodeHarness() {
  execFileSync('bash', [join(ROOT, 'test/cluster/images')], { stdio: ['ignore', 'ignore', 2] });
  const archive = imageArchive();
  const kinesis = await startLocalKinesis({ clock, log });
  const dynamodb = await startLocalDynamoDb({ clock, log });
  const collector = await startCollector(clock);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new DynamoDBClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint, credentials });
  const cluster = await startNodeCluster();
  await cluster.importImage(archive);
  const api = apiServerOf(cluster.kubeconfig);
  const seenFromPods = (url: string) => url.replace('127.0.0.1', HOST_SEEN_FROM_PODS);
  // There is no DNS in this cluster.
  const localServers = [
    'dnsPolicy=Default',
    `endpoints.kinesis=${seenFromPods(kinesis.endpoint)}`,
    `endpoints.dynamodb=${seenFromPods(dynamodb.endpoint)}`,
  ];

  async function kubectl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await cluster.kubectl(['-n', NAMESPACE, ...args]);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }
  const json = async <T>(...args: string[]) => JSON.parse(await kubectl(...args, '-o', 'json')) as T;
  async function allPods(group: string): Promise<Pod[]> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=kcg.dev/group=${group}`;
    return (await api.get<{ items: Pod[] }>(path)).items;
  }
  return {
    ...cluster,
    kubectl,
    json,
    /** A second node, `node2`, that has kcg's image too. */
    addNode: () => cluster.addNode([archive]),
    kinesis: kinesis.kinesis,
    dynamodb,
    tally: collector.tally,
    collectorUrl: seenFromPods(collector.url),
    async install(): Promise<void> {
      const set = [
        'image.repository=registry.example/kcg',
        ...localServers,
        'extraEnv[0].name=AWS_ACCESS_KEY_ID,extraEnv[0].value=test',
        'extraEnv[1].name=AWS_SECRET_ACCESS_KEY,extraEnv[1].value=test',
      ];
      const flags = ['--namespace', 'kcg-system', '--create-namespace', '--wait', '--timeout', '240s'];
      await cluster.helm('install', 'kcg', join(ROOT, 'charts/kcg'), ...flags, '--set', set.join(','));
      await cluster.helm('test', 'kcg', '--namespace', 'kcg-system', '--timeout', '240s');
      await kubectl('create', 'namespace', NAMESPACE);
    },
    /**
     * Pastes shell lines of the docs in the checkout, with the keys of an AWS account in the environment. Only what names
     * the local servers is added to them.
     */
    paste: (lines: string) =>
      cluster.shell(lines, {
        cwd: ROOT,
        env: {
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        },
        helmInstall: ['--set', localServers.join(',')],
      }),
    async apply(yaml: string): Promise<void> {
      const { code, stderr } = await cluster.kubectl(['apply', '-n', NAMESPACE, '-f', '-'], yaml);
      if (code !== 0) throw new Error(stderr);
    },
    /** Posts an object to a path of the API server. */
    async create(path: string, object: string): Promise<void> {
      const { code, stderr } = await cluster.kubectl(['create', '--raw', path, '-f', '-'], object);
      if (code !== 0) throw new Error(stderr);
    },
    // What is asked over and over while something is waited for is asked without kubectl, whose start costs more than the answer.
    async status(group: string): Promise<GroupStatus> {
      const path = `/apis/kcg.dev/v1alpha1/namespaces/${NAMESPACE}/kinesisconsumergroups/${group}`;
      return (await api.get<{ status?: GroupStatus }>(path)).status ?? {};
    },
    allPods,
    /** Pods of the group that are not on their way out. */
    pods: async (group: string) =>
      (await allPods(group)).filter(({ metadata }) => metadata.deletionTimestamp === undefined),
    /** Puts numbered records into `stream` until the returned function is called. */
    produce(stream: string, recordsPerSecond: number): () => Promise<void> {
      const stop = new AbortController();
      const options = { kinesis: kinesis.kinesis, tally: collector.tally, clock, random, keys: 64 };
      const running = produce({ ...options, stream, recordsPerSecond }, stop.signal);
      return () => {
        stop.abort();
        return running;
      };
    },
    tableNames: () => client.send(new ListTablesCommand({})).then(({ TableNames }) => TableNames ?? []),
    rows: (TableName: string) => client.send(new ScanCommand({ TableName })).then(({ Items }) => Items ?? []),
    async stop(): Promise<void> {
      client.destroy();
      await api.close();
      await cluster.stop();
      await Promise.all([kinesis.close(), dynamodb.close(), collector.close()]);
    },
  };
}

/** Spec of a group's `template`, in YAML: the application in Go, which tells the collector what it gets, beside the worker. */
export const appPod = (collectorUrl: string) => `\
    spec:
      dnsPolicy: Default
      containers:
      - name: app
        image: localhost/http-go:1
        env:
        - {name: COLLECTOR_URL, value: "${collectorUrl}"}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
      - name: worker
        env: [{name: AWS_ACCESS_KEY_ID, value: test}, {name: AWS_SECRET_ACCESS_KEY, value: test}]
`;

/** Waits as long as a slow machine may need; what is waited for decides, not the time it takes. */
export const until = <T>(what: string, holds: () => Promise<T> | T, tell?: () => unknown) =>
  untilTold(what, holds, 240, tell);

export function isReady(pod: Pod): boolean {
  return pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}
