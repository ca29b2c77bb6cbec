import { accountOfArn } from '../../api/arn.ts';
import { assumedRole, type AssumedRole } from '../../aws/assumed-role.ts';
import type { AwsCredentials } from '../../aws/credentials.ts';
import type { Clock } from '../../lib/clock.ts';
import { identityKey, type GroupTarget } from '../../operator/group-target.ts';

/** Whose credentials a call is signed with. */
export interface AwsIdentity {
  credentials: AwsCredentials;
  /** As errors call it. */
  principal: string;
  /** Whose rates its calls count against; empty = that of the operator's own credentials, which is not known yet. */
  account: string;
}

/** The operator's own identity, and one for each role and region; each keeps its credentials for all its calls. */
export class AwsIdentities {
  #own: AwsIdentity;
  readonly #clock: Clock;
  readonly #roles = new Map<string, AssumedRole>();

  constructor(own: AwsIdentity, clock: Clock) {
    this.#own = own;
    this.#clock = clock;
  }

  of({ role, region }: Pick<GroupTarget, 'role' | 'region'>): AwsIdentity {
    if (!role) return this.#own;
    const key = `${region} ${identityKey(role)}`;
    const { credentials, principal } = this.#own;
    const known =
      this.#roles.get(key) ?? assumedRole({ clock: this.#clock, region, role, credentials, principal });
    this.#roles.set(key, known);
    const account = accountOfArn(role.arn) ?? '';
    return { credentials: known.credentials, principal: `the role ${role.arn}`, account };
  }

  /** What AWS has said of a thing in the operator's own account: roles of that account share its rates. */
  learnOwn(account: string | undefined): void {
    // Once: an emulator beside AWS says another.
    if (account !== undefined && this.#own.account === '') this.#own = { ...this.#own, account };
  }

  close(): void {
    for (const role of this.#roles.values()) role.close();
  }
}
