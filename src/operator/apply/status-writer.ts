import type { EventReason } from '../../api/events.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { isSameJson } from '../../lib/same-json.ts';
import type { Log } from '../../lib/log.ts';
import {
  KINDS,
  keyOf,
  keyString,
  type Cluster,
  type KubeObject,
  type StoredObject,
} from '../../kubernetes/cluster.ts';
import { FIELD_MANAGER } from './apply-object.ts';
import { refusedFields, withoutFields } from '../plan/status/refused-fields.ts';

/** How long a status is written without what was refused, before the whole is tried again, ms. */
const SPARE_MS = 300_000;
/** A server names what it refuses; one that goes on naming more has something else against it. */
const ATTEMPTS = 4;
const CRD = `${KINDS.consumerGroup.plural}.kcg.dev`;

/** `version`: of the group that has the status. `lost`: it has changed meanwhile, or is gone. */
export type StatusWritten = { outcome: 'unchanged' | 'applied'; version: string } | { outcome: 'lost' };

/**
 * Writes the status of groups. A CustomResourceDefinition of another release may lack a field: the rest is written all the
 * same, and the group says what is missing and what to do.
 */
export class StatusWriter {
  readonly #options: { cluster: Cluster; clock: Clock; log: Log };
  #refused: readonly string[] = [];
  /** Monotonic. */
  #refusedUntilMs = -Infinity;

  constructor(options: { cluster: Cluster; clock: Clock; log: Log }) {
    this.#options = options;
  }

  /** The part of `status` that the API server takes, as far as is known. */
  fit(status: GroupStatus): GroupStatus {
    if (this.#options.clock.monotonic() >= this.#refusedUntilMs) return status;
    return withoutFields(status, this.#refused, noteOn(this.#refused));
  }

  /**
   * Writes nothing when it is there already.
   * @throws KcgError as `Cluster` does
   */
  async write(group: StoredObject, status: GroupStatus, signal: AbortSignal): Promise<StatusWritten> {
    for (let attempt = 1; ; attempt += 1) {
      const wanted = this.fit(status);
      if (isSameJson(group.status, wanted))
        return { outcome: 'unchanged', version: group.metadata.resourceVersion };
      try {
        return await this.#apply(group, wanted, signal);
      } catch (thrown) {
        if (attempt === ATTEMPTS || !this.#learn(group, thrown)) throw thrown;
      }
    }
  }

  async #apply(group: StoredObject, status: unknown, signal: AbortSignal): Promise<StatusWritten> {
    const { name, namespace, uid, resourceVersion } = group.metadata;
    const metadata = { name, ...(namespace ? { namespace } : {}), uid, resourceVersion };
    const object: KubeObject = { apiVersion: group.apiVersion, kind: group.kind, metadata, status };
    const options = { fieldManager: FIELD_MANAGER, force: true, signal };
    const result = await this.#options.cluster.applyStatus(KINDS.consumerGroup, object, options);
    if (result.outcome !== 'applied') return { outcome: 'lost' };
    return { outcome: 'applied', version: result.version };
  }

  /** False when the refusal names no field that could be spared. */
  #learn(group: StoredObject, thrown: unknown): boolean {
    const { clock, cluster, log } = this.#options;
    const fields = hasCode(thrown, 'InvalidInput') ? refusedFields(thrown.message) : [];
    const known = clock.monotonic() < this.#refusedUntilMs ? this.#refused : [];
    if (fields.every((field) => known.includes(field))) return false;
    this.#refused = [...new Set([...known, ...fields])].sort();
    this.#refusedUntilMs = clock.monotonic() + SPARE_MS;
    const note = noteOn(this.#refused);
    log.warn('status refused', { group: keyString(keyOf(group)), note, error: describeError(thrown) });
    cluster.recordEvent({
      regarding: group,
      type: 'Warning',
      reason: 'StatusRefused' satisfies EventReason,
      note,
      action: 'WriteStatus',
    });
    return true;
  }
}

function noteOn(fields: readonly string[]): string {
  const names = fields.map((field) => `status.${field}`).join(', ');
  return `The CustomResourceDefinition ${CRD} is of another release than the operator and does not take ${names}, which is left out: apply the CRDs of the operator's release with kubectl apply --server-side`;
}
