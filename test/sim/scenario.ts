import { expect } from 'vitest';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { isEnded, parseRef } from '../../src/leases/lease.ts';
import { Deployment } from './deployment.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import type { OwnerChange } from './delivery-checker.ts';

/** A fleet without trouble, of which a test says what happens to it. */
export class Scenario extends Fleet {
  readonly deployment: Deployment;
  /** Records put every half second. */
  rate: number;

  /** Without `workers` the test starts its pods itself. */
  constructor(options: Omit<FleetOptions, 'seed'> & { workers: number; seed?: number }) {
    super({ seed: options.seed ?? 1, ...options });
    this.deployment = new Deployment(this, options.workers);
    this.rate = options.shards;
    const step = this.everyStep;
    this.everyStep = () => {
      if (options.workers > 0) step();
      this.produce(this.rate);
    };
  }

  /** Advances and expects that nothing went wrong. */
  async pass(ms: number): Promise<void> {
    await this.advance(ms);
    this.expectSound();
  }

  /** Advances until pods, owners and counts are as they should be, and returns the changes of owner on the way. */
  async settle(maxMs = 120_000): Promise<OwnerChange[]> {
    const before = this.checker.changes.length;
    const isSettled = () => this.deployment.isSettled() && this.unplaced().length === 0;
    await this.advance(maxMs, isSettled);
    await this.advance(this.config.leaseDurationMs);
    this.expectSound();
    expect(isSettled(), this.unplaced().join('\n')).toBe(true);
    return this.checker.changes.slice(before);
  }

  /** Nothing is put any more; everything put so far has to be delivered. */
  async deliverAll(maxMs = 120_000): Promise<void> {
    this.rate = 0;
    await this.advance(maxMs, () => this.checker.lost().length === 0);
    this.expectSound();
    expect(this.checker.lost()).toEqual([]);
  }

  expectSound(): void {
    const { violations } = this.checker;
    expect(violations, [...this.trace.lines(80), ...violations].join('\n')).toEqual([]);
  }

  /** How many shards each pod owns, by pod; `-` for those that nobody owns. */
  held(): Record<string, number> {
    const held = Object.fromEntries(this.alive().map((worker) => [worker.pod, 0]));
    for (const lease of decodeRows(this.checker.rows()).leases) {
      if (isEnded(lease)) continue;
      const pod = lease.owner === undefined ? '-' : parseRef(lease.owner).worker;
      held[pod] = (held[pod] ?? 0) + 1;
    }
    return held;
  }

  counts(): number[] {
    return Object.values(this.held()).sort((a, b) => a - b);
  }
}
