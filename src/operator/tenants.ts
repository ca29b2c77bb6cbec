import { AWS_EXTERNAL_ID_ANNOTATION } from '../api/labels.ts';
import { KINDS, type Cluster } from '../kubernetes/cluster.ts';
import type { Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import type { AwsRole } from './group-target.ts';
import { Bookings } from './bookings.ts';
import { externalIdOf, readTenant, roleProblem, type Tenant } from './plan/tenant.ts';

/** What a namespace said serves all its groups for so long: of roles, which are asked for at each look; of limits, and before a refusal, less. */
const FRESH_MS = 15_000;
const LIMITS_FRESH_MS = 2_000;
const SESSION_NAME_MAX = 64;

/** What namespaces allow the groups in them: each is read when a group asks for something that may be refused. */
export class Tenants {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #known = new Map<string, { tenant: Promise<Tenant>; readMs: number }>();
  readonly booked = new Bookings();

  constructor({ cluster, clock }: { cluster: Cluster; clock: Clock }) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /**
   * For limits.
   * @throws KcgError as `Cluster.get` does
   */
  read(namespace: string, signal: AbortSignal): Promise<Tenant> {
    return this.#read(namespace, LIMITS_FRESH_MS, signal);
  }

  async #read(namespace: string, freshMs: number, signal: AbortSignal): Promise<Tenant> {
    const nowMs = this.#clock.monotonic();
    const known = this.#known.get(namespace);
    if (known && nowMs - known.readMs < freshMs) return known.tenant;
    const tenant = this.#cluster
      .get(KINDS.namespace, { namespace: '', name: namespace }, { signal })
      .then((found) => readTenant(namespace, found?.metadata.annotations ?? {}));
    const entry = { tenant, readMs: nowMs };
    this.#known.set(namespace, entry);
    tenant.catch(() => this.#known.get(namespace) === entry && this.#known.delete(namespace));
    return tenant;
  }

  /**
   * The role with what it takes to assume it.
   * @throws KcgError `AccessDenied` when the namespace does not allow it or cannot be read, else as `Cluster.get` does
   */
  async role(namespace: string, arn: string, signal: AbortSignal): Promise<AwsRole> {
    let tenant = await this.#read(namespace, FRESH_MS, signal);
    // Who has just allowed it, with the group perhaps, is not refused by what was said before.
    if (roleProblem(tenant, arn) !== undefined) tenant = await this.#read(namespace, LIMITS_FRESH_MS, signal);
    const problem = roleProblem(tenant, arn);
    if (problem !== undefined) throw new KcgError('AccessDenied', problem);
    const externalId = externalIdOf(tenant, await this.#cluster.clusterId({ signal }));
    if (externalId === undefined) {
      throw new KcgError('AccessDenied', `AWS takes no external id like that of namespace ${namespace}`, {
        fix: `Set the annotation ${AWS_EXTERNAL_ID_ANNOTATION} to 2 to 1,224 letters, digits and + = , . @ : / - _.`,
      });
    }
    return { arn, externalId, sessionName: `kcg-${namespace}`.slice(0, SESSION_NAME_MAX) };
  }
}
