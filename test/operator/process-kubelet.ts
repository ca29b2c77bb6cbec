import { ProcessPod, type PodContainer } from '../../src/dev/pods/process-pod.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { hasCode } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { KINDS, keyOf, type StoredObject } from '../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { localEnv } from './operator-process.ts';
import { KCG } from '../support/kcg-program.ts';

/** Keeps a deleted pod until its process has ended, as a kubelet does. */
const FINALIZER = 'test.kcg.dev/kubelet';

interface PodSpec {
  containers: PodContainer[];
  terminationGracePeriodSeconds?: number;
}

/** A kubelet whose containers are `kcg worker` processes: starts what the Deployment's controller creates, and says how it is. */
export class ProcessKubelet {
  /** What the workers have said. */
  readonly lines: string[] = [];
  readonly #cluster: KubeCluster;
  readonly #pods = new Map<string, ProcessPod>();
  readonly #stop = new AbortController();
  #work: Promise<unknown> = Promise.resolve();

  /** Looks after the pods of one namespace. */
  constructor(kubeconfig: string, namespace: string) {
    Object.assign(process.env, localEnv());
    this.#cluster = new KubeCluster({
      access: loadKubeAccess({ kubeconfig }),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      instance: 'kubelet',
    });
    const labels = { 'app.kubernetes.io/managed-by': 'kcg' };
    this.#cluster.watch(KINDS.pod, {
      namespace,
      labels,
      signal: this.#stop.signal,
      onChange: ({ type, object }) => {
        if (type !== 'deleted') this.#do(() => this.#see(object));
      },
    });
  }

  get pods(): ProcessPod[] {
    return [...this.#pods.values()];
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.pods.map((pod) => pod.stop()));
    await this.#work;
    await this.#cluster.close();
  }

  /** One after the other, so that a status never goes back. */
  #do(step: () => Promise<unknown>): void {
    this.#work = this.#work.then(() => this.#pursue(step));
  }

  /** Nobody would do it later: what a busy API server has not taken is tried again. */
  async #pursue(step: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await step();
        return;
      } catch (thrown) {
        if (this.#stop.signal.aborted || !hasCode(thrown, 'Unavailable', 'Timeout', 'Throttled')) return;
        await systemClock.sleep(200);
      }
    }
  }

  async #see(object: StoredObject): Promise<void> {
    const { uid, deletionTimestamp, finalizers = [] } = object.metadata;
    const known = this.#pods.get(uid);
    if (deletionTimestamp) return void known?.stop();
    if (known) return;
    const kept = await this.#cluster.patchMetadata(KINDS.pod, object, {
      finalizers: [...new Set([...finalizers, FINALIZER])],
    });
    // Changed meanwhile: it is seen again.
    if (kept.outcome === 'lost') return;
    this.#start(object);
  }

  #start(object: StoredObject): void {
    const { name, namespace = '', uid, annotations = {} } = object.metadata;
    const spec = object.spec as PodSpec;
    const container = spec.containers.find(({ env }) =>
      env?.some((each) => each.name === 'KCG_WORKER_CONFIG'),
    );
    if (!container) return;
    const publish = () => this.#do(() => this.#publish(object, pod));
    const pod: ProcessPod = new ProcessPod({
      name,
      namespace,
      uid,
      annotations,
      container,
      command: [process.execPath, KCG, 'worker'],
      graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
      clock: systemClock,
      random: systemRandom,
      onLine: (pod, line) => this.lines.push(`${pod} ${line}`),
      onChange: () => queueMicrotask(publish),
    });
    this.#pods.set(uid, pod);
    void pod.done.then(() => {
      this.#pods.delete(uid);
      this.#do(() => this.#letGo(object));
    });
  }

  async #publish({ metadata }: StoredObject, pod: ProcessPod): Promise<void> {
    const { name, namespace = '', uid } = metadata;
    const status = pod.status() as { containerStatuses: Record<string, unknown>[] };
    const containerStatuses = status.containerStatuses.map((each) => ({
      ...each,
      image: 'kcg:test',
      imageID: '',
    }));
    await this.#cluster.applyStatus(
      KINDS.pod,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, uid },
        status: { ...status, containerStatuses },
      },
      { fieldManager: 'kubelet', force: true },
    );
  }

  async #letGo(pod: StoredObject): Promise<void> {
    for (let tries = 0; tries < 10; tries += 1) {
      const now = await this.#cluster.get(KINDS.pod, keyOf(pod));
      if (!now || now.metadata.uid !== pod.metadata.uid) return;
      const finalizers = (now.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
      const result = await this.#cluster.patchMetadata(KINDS.pod, now, { finalizers });
      if (result.outcome === 'patched') return;
    }
  }
}
