import { MOST_NAMED } from './nudge.ts';

/**
 * What the next round is asked to do. A call is answered by a read that begins after it: so they are taken when the read
 * begins, and put back when it fails.
 */
export class Calls {
  #all = true;
  #round = true;
  #planned = false;
  #dead = false;
  #named = new Set<string>();

  /** Read all rows, strongly. */
  readAll(): void {
    this.#all = true;
  }

  /** Read all rows, and then tell others whom the plan concerns. */
  tellPlanned(): void {
    this.#planned = true;
    this.#all = true;
  }

  /** Tell everybody that a worker has died, and read all rows as they will. */
  tellDeath(): void {
    this.#dead = true;
    this.#all = true;
  }

  /** Look at the workers. */
  look(): void {
    this.#round = true;
  }

  /** Look at these shards' rows. */
  lookAt(shardIds: Iterable<string>): void {
    for (const shardId of shardIds) this.#named.add(shardId);
    if (this.#named.size <= MOST_NAMED) return;
    this.#named.clear();
    this.#all = true;
  }

  get isAll(): boolean {
    return this.#all;
  }

  get isRound(): boolean {
    return this.#all || this.#round;
  }

  takeRound(): void {
    this.#round = false;
  }

  takeNamed(): ReadonlySet<string> {
    const named = this.#named;
    this.#named = new Set();
    return named;
  }

  /** Of the read of all rows that begins now: whether it was asked for, and what is to be told after it. */
  takeAll(): { isCalled: boolean; planned: boolean } {
    const taken = { isCalled: this.#all, planned: this.#planned };
    [this.#all, this.#planned] = [false, false];
    return taken;
  }

  takeDeath(): boolean {
    const dead = this.#dead;
    this.#dead = false;
    return dead;
  }
}
