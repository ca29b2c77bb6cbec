import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseGroup, type KinesisConsumerGroup } from '../../src/api/group.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { KINDS, type StoredObject } from '../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts';
import { printed } from '../support/kubectl.ts';
import { until } from '../support/until.ts';
import { KCG } from '../support/kcg-program.ts';

export const CRD = 'crds/kcg.dev_kinesisconsumergroups.yaml';
export const RESET_CRD = 'crds/kcg.dev_kinesisoffsetresets.yaml';

/** What a process of ours gets: no credentials but those of the local servers. */
export function localEnv(): NodeJS.ProcessEnv {
  const { AWS_PROFILE: _, AWS_SESSION_TOKEN: __, AWS_REGION: ___, ...env } = process.env;
  return { ...env, ...LOCAL_CREDENTIALS };
}

/** `kcg operator` as a process, as a pod runs it. */
export class OperatorProcess {
  readonly lines: Record<string, unknown>[] = [];
  readonly exited: Promise<number | NodeJS.Signals | null>;
  readonly #child: ChildProcess;
  #hasEnded = false;

  constructor(flags: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [KCG, 'operator', '--http-port', '0', ...flags], {
      env: { ...localEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = new Promise((done) => {
      // Not before all that it has said is read.
      this.#child.once('close', (code, signal) => {
        this.#hasEnded = true;
        done(code ?? signal);
      });
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => this.lines.push(parsed(line)));
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The first line with this message and these fields. */
  async says(message: string, fields: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const wanted = Object.entries({ message, ...fields });
    const said = () => this.lines.find((line) => wanted.every(([name, value]) => line[name] === value));
    const look = () => {
      const line = said();
      if (!line && this.#hasEnded)
        throw new Error(
          `the operator ended and never said "${message}": ${JSON.stringify(this.lines.slice(-10))}`,
        );
      return line;
    };
    return until(`the operator says "${message}"`, look, 300, () => this.lines.slice(-10));
  }

  /** Until it looks after groups. */
  async works(): Promise<this> {
    await this.says('watching consumer groups');
    return this;
  }

  /** One number of its metrics; all label values together. */
  async metric(name: string): Promise<number> {
    const { port } = await this.says('operator started');
    const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    this.signal(signal);
    return this.exited;
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { message: line };
  }
}

const SEEN = {
  group: KINDS.consumerGroup,
  deployment: KINDS.deployment,
  reset: KINDS.offsetReset,
  budget: KINDS.podDisruptionBudget,
};

const OURS = new Set(['kinesisconsumergroups', 'deployments', 'pods', 'poddisruptionbudgets', 'events']);

/** A control plane with our CRD, and local AWS beside it. Operators and pods are the test's to start. */
export class Site {
  readonly plane: ControlPlane;
  readonly kinesis: LocalKinesis;
  readonly dynamodb: LocalDynamoDb;
  /** Asked without kubectl, each call of which costs half a second of a core. */
  readonly cluster: KubeCluster;
  readonly #operators: OperatorProcess[] = [];

  private constructor(plane: ControlPlane, kinesis: LocalKinesis, dynamodb: LocalDynamoDb) {
    this.plane = plane;
    this.cluster = new KubeCluster({
      access: loadKubeAccess({ kubeconfig: plane.kubeconfig }),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      instance: 'test',
      qps: 1_000,
      burst: 1_000,
    });
    this.kinesis = kinesis;
    this.dynamodb = dynamodb;
  }

  /** @param beside another cluster, whose AWS this one has too; closed after it */
  static async open(beside?: Site): Promise<Site> {
    Object.assign(process.env, LOCAL_CREDENTIALS);
    const [plane, kinesis, dynamodb] = await Promise.all([
      startControlPlane({ definitions: [CRD, RESET_CRD].map((file) => readFileSync(file, 'utf8')) }),
      beside?.kinesis ?? startLocalKinesis({ clock: systemClock }),
      beside?.dynamodb ?? startLocalDynamoDb({ clock: systemClock, log: silentLog }),
    ]);
    return new Site(plane, kinesis, dynamodb);
  }

  async close(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.end('SIGKILL')));
    await this.cluster.close();
    await Promise.all([this.plane.stop(), this.kinesis.close(), this.dynamodb.close()]);
  }

  startOperator(...flags: string[]): OperatorProcess {
    const operator = new OperatorProcess([
      '--kubeconfig',
      this.plane.kubeconfig,
      '--worker-image',
      'kcg:test',
      '--kinesis-endpoint',
      this.kinesis.endpoint,
      '--dynamodb-endpoint',
      this.dynamodb.endpoint,
      ...flags,
    ]);
    this.#operators.push(operator);
    return operator;
  }

  /** See `printed`. */
  kubectl(line: string, stdin?: string): Promise<string> {
    return printed(this.plane.kubectl, line, stdin);
  }

  /** What it says when it fails, as it has to. */
  async refused(line: string, stdin?: string): Promise<string> {
    const { code, stdout, stderr } = await this.plane.kubectl(line.split(' '), stdin);
    if (code === 0) throw new Error(`kubectl ${line} did it: ${stdout}`);
    return stderr;
  }

  async apply(yaml: string): Promise<void> {
    await this.kubectl('apply --server-side -f -', yaml);
  }

  /** An object, none when there is no such one. */
  async get<T = StoredObject>(
    kind: keyof typeof SEEN,
    name: string,
    namespace: string,
  ): Promise<T | undefined> {
    return (await this.cluster.get(SEEN[kind], { name, namespace })) as T | undefined;
  }

  async group(name: string, namespace: string): Promise<KinesisConsumerGroup | undefined> {
    const found = await this.get('group', name, namespace);
    const result = found && parseGroup(found);
    return result?.outcome === 'ok' ? result.group : undefined;
  }

  /** `True Available`, by type. */
  async conditions(name: string, namespace: string): Promise<Record<string, string>> {
    const conditions = (await this.group(name, namespace))?.status?.conditions ?? [];
    return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
  }

  async replicas(name: string, namespace: string): Promise<number | undefined> {
    const found = await this.get<{ spec: { replicas: number } }>('deployment', `${name}-worker`, namespace);
    return found?.spec.replicas;
  }

  /**
   * Writes that the API server has had so far, those that changed nothing included. The status of what is Kubernetes' own is left
   * out: its controllers write it, and ten minutes after a Deployment began they say that it is stuck.
   */
  async kubeWrites(): Promise<Record<string, number>> {
    const metrics = await this.kubectl('get --raw /metrics');
    const counts: Record<string, number> = {};
    for (const [, labels = '', count] of metrics.matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)) {
      const [, verb = ''] = /verb="(\w+)"/.exec(labels) ?? [];
      const [, resource = ''] = /resource="(\w*)"/.exec(labels) ?? [];
      if (!/^(POST|PUT|PATCH|APPLY|DELETE)$/.test(verb) || !OURS.has(resource)) continue;
      if (labels.includes('subresource="status"') && resource !== 'kinesisconsumergroups') continue;
      counts[`${verb} ${resource}`] = (counts[`${verb} ${resource}`] ?? 0) + Number(count);
    }
    return counts;
  }
}
