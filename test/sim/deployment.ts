import type { Fleet } from './fleet.ts';
import type { SimWorker } from './sim-worker.ts';

const GRACE_MS = 60_000;

/**
 * A Deployment as Kubernetes runs one: so many pods of the newest revision; during a rollout up to a quarter more, and
 * never fewer that are ready than wanted.
 */
export class Deployment {
  readonly #fleet: Fleet;
  replicas: number;
  revision = 1;
  restartedAt = 0;

  constructor(fleet: Fleet, replicas: number) {
    this.#fleet = fleet;
    this.replicas = replicas;
    fleet.everyStep = () => this.#step();
  }

  rollOut(): void {
    this.revision += 1;
    this.#fleet.note(`roll out revision ${this.revision}`);
  }

  /** As `kubectl rollout restart`: new pods of the same template. */
  rolloutRestart(): void {
    this.restartedAt = Math.floor(this.#fleet.kinesis.clock.now() / 1_000) * 1_000;
    this.#fleet.note('rollout restart');
  }

  scaleTo(replicas: number): void {
    this.replicas = replicas;
    this.#fleet.note(`scale to ${replicas}`);
  }

  /** True when exactly the wanted pods are there and ready. */
  isSettled(): boolean {
    const alive = this.#fleet.alive();
    return (
      alive.length === this.replicas && alive.every((worker) => this.#isReady(worker) && this.#isNew(worker))
    );
  }

  #step(): void {
    const stays = this.#fleet.alive().filter((worker) => !worker.isTerminating);
    const isRollout = stays.some((worker) => !this.#isNew(worker));
    const surge = isRollout ? Math.max(1, Math.ceil(this.replicas / 4)) : 0;
    const wanted = Math.min(
      this.replicas - stays.filter((worker) => this.#isNew(worker)).length,
      this.replicas + surge - stays.length,
    );
    for (let i = 0; i < wanted; i += 1) this.#fleet.startPod(this);
    let spare = stays.length - this.replicas;
    let spareReady = stays.filter((worker) => this.#isReady(worker)).length - this.replicas;
    for (const worker of stays.toReversed().sort((a, b) => this.#rank(a) - this.#rank(b))) {
      if (spare <= 0) return;
      const wasReady = this.#isReady(worker);
      if (wasReady ? spareReady <= 0 : this.#isNew(worker) && isRollout) continue;
      this.#fleet.terminate(worker, GRACE_MS);
      spare -= 1;
      if (wasReady) spareReady -= 1;
    }
  }

  /** Who goes first: pods that are not ready, then old ones, then the youngest. */
  #rank(worker: SimWorker): number {
    return (this.#isReady(worker) ? 2 : 0) + (this.#isNew(worker) ? 1 : 0);
  }

  #isReady(worker: SimWorker): boolean {
    return worker.isLive && !worker.isTerminating;
  }

  #isNew(worker: SimWorker): boolean {
    return worker.revision === this.revision && worker.restartedAt === this.restartedAt;
  }
}
