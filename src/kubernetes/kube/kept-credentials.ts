import { withDeadline, type Clock } from '../../lib/clock.ts';
import type { KubeAccess, KubeCredentials } from './config.ts';

/** Credentials are looked at again this often, like client-go does. */
const TTL_MS = 60_000;
/** A program that gets them may ask a person to log in; no longer than this, ms. */
const LOOK_MS = 60_000;

/** The credentials of one access, for all of its requests. */
export class KeptCredentials {
  readonly #access: KubeAccess;
  readonly #clock: Clock;
  #known: { value: KubeCredentials; readAt: number } | undefined;
  /** By whether they are read anew. */
  readonly #reading = new Map<boolean, Promise<KubeCredentials>>();

  constructor(access: KubeAccess, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
  }

  /** @throws KcgError `Credentials`, `Timeout` */
  async current({ fresh }: { fresh: boolean }): Promise<KubeCredentials> {
    const now = this.#clock.monotonic();
    if (fresh || !this.#known || now - this.#known.readAt > TTL_MS) {
      this.#known = { value: await this.#read(fresh), readAt: now };
    }
    return this.#known.value;
  }

  /** Once for all that wait: what gets them may be a program, which is started each time. */
  #read(fresh: boolean): Promise<KubeCredentials> {
    const known = this.#reading.get(fresh);
    if (known) return known;
    const bound = { what: `getting credentials for ${this.#access.server}` };
    const reading = withDeadline(this.#clock, LOOK_MS, bound, () =>
      this.#access.credentials({ fresh }),
    ).finally(() => this.#reading.delete(fresh));
    this.#reading.set(fresh, reading);
    return reading;
  }
}
