import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { systemRandom as random } from '../../src/lib/random.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { startControlPlane, type ControlPlane } from '../../test/support/control-plane.ts';
import { lastingPort } from '../../test/support/lasting-port.ts';
import { BenchedOperator } from './operator-process.ts';
import type { Ask, Endpoints, Told } from './world-messages.ts';

export const STREAMS = 100;
export const SHARDS = 4;
const NAMESPACES = 10;
const CRDS = ['kinesisconsumergroups', 'kinesisoffsetresets'];

/** An API server, AWS and the stand-ins, without an operator. */
export class Site {
  readonly cluster: KubeCluster;
  readonly endpoints: Endpoints;
  readonly #plane: ControlPlane;
  readonly #world: ChildProcess;
  readonly #folder: string;
  #asked = 0;

  private constructor(plane: ControlPlane, world: ChildProcess, endpoints: Endpoints) {
    this.#plane = plane;
    this.#world = world;
    this.endpoints = endpoints;
    this.#folder = mkdtempSync(join(tmpdir(), 'kcg-bench-operator-'));
    this.cluster = new KubeCluster({
      access: loadKubeAccess({ kubeconfig: plane.kubeconfig }),
      clock,
      random,
      log,
      instance: 'bench',
      qps: 10_000,
      burst: 10_000,
    });
  }

  static async open(): Promise<Site> {
    const definitions = CRDS.map((name) => readFileSync(`crds/kcg.dev_${name}.yaml`, 'utf8'));
    const plane = await startControlPlane({ definitions, controllers: false });
    const options = { kubeconfig: plane.kubeconfig, streams: STREAMS, shards: SHARDS };
    const world = fork('bench/operator/world.ts', [JSON.stringify(options)]);
    const endpoints = await new Promise<Endpoints>((resolve, reject) => {
      world.once('message', (message) => resolve(message as Endpoints));
      world.once('exit', (code) => reject(new Error(`the stand-ins ended with ${code}`)));
    });
    const site = new Site(plane, world, endpoints);
    await site.#openNamespaces();
    return site;
  }

  /** @param nodeFlags of its process */
  async startOperator(nodeFlags?: readonly string[]): Promise<BenchedOperator> {
    const { kinesis, dynamodb } = this.endpoints;
    const flags = `--kubeconfig ${this.#plane.kubeconfig} --worker-image kcg:bench --default-region us-east-1 --kinesis-endpoint ${kinesis} --dynamodb-endpoint ${dynamodb}`;
    return BenchedOperator.start(flags.split(' '), {
      port: await lastingPort(),
      folder: this.#folder,
      nodeFlags,
    });
  }

  /** AWS calls of the operator so far, by operation. */
  async calls(): Promise<Record<string, number>> {
    return (await this.#ask({ ask: 'calls' })).calls;
  }

  /** Puts rows into a group's. */
  async fillRows(fill: NonNullable<Ask['fill']>): Promise<void> {
    await this.#ask({ ask: 'fill', fill });
  }

  async close(): Promise<void> {
    await this.cluster.close();
    this.#world.removeAllListeners('exit');
    this.#world.kill('SIGKILL');
    await this.#plane.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask(ask: Omit<Ask, 'id'>): Promise<Told> {
    const id = (this.#asked += 1);
    return new Promise((resolve) => {
      const take = (message: unknown) => {
        if ((message as { id: number }).id !== id) return;
        this.#world.off('message', take);
        resolve(message as Told);
      };
      this.#world.on('message', take);
      this.#world.send({ ...ask, id });
    });
  }

  /** With the ServiceAccount that each pod needs, which a controller would make. */
  async #openNamespaces(): Promise<void> {
    const apply = { fieldManager: 'bench', force: true } as const;
    for (let index = 0; index < NAMESPACES; index += 1) {
      const namespace = namespaceOf(index);
      const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
      await this.cluster.apply(KINDS.namespace, object, apply);
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
      await this.cluster.apply(KINDS.serviceAccount, account, apply);
    }
  }
}

export function namespaceOf(index: number): string {
  return `bench-${index % NAMESPACES}`;
}
