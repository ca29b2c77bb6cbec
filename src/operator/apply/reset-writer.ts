import type { EventReason } from '../../api/events.ts';
import { parseReset, type OffsetResetSpec, type OffsetResetStatus } from '../../api/offset-reset.ts';
import { KINDS, type KubeObject, type StoredObject } from '../../kubernetes/cluster.ts';
import { FIELD_MANAGER } from './apply-object.ts';
import type { ResetStep } from '../offset-reset.ts';
import { isSameJson } from '../../lib/same-json.ts';
import { isStalled, resetStatus } from '../plan/status/reset-status.ts';
import type { ReconcilerOptions } from '../reconcile-context.ts';

/**
 * Tells in the status of a reset how it stands, and in an Event whenever the reason is another or it stalls; nothing when it says so already.
 * @throws KcgError as `Cluster` does
 */
export async function tellReset(
  { cluster, clock }: Pick<ReconcilerOptions, 'cluster' | 'clock'>,
  object: StoredObject,
  { step, groupId, signal }: { step: ResetStep; groupId?: string | undefined; signal: AbortSignal },
): Promise<void> {
  const parsed = parseReset(object);
  const previous = object.status as OffsetResetStatus | undefined;
  const spec: OffsetResetSpec | undefined = parsed.outcome === 'ok' ? parsed.spec : undefined;
  const generation = object.metadata.generation ?? 0;
  const status = resetStatus(step, { spec, groupId, generation, previous, nowMs: clock.now() });
  if (isSameJson(object.status, status)) return;
  const { name, namespace, uid } = object.metadata;
  const told: KubeObject = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { name, ...(namespace ? { namespace } : {}), uid },
    status,
  };
  const options = { fieldManager: FIELD_MANAGER, force: true, signal };
  const { outcome } = await cluster.applyStatus(KINDS.offsetReset, told, options);
  if (outcome !== 'applied') return;
  const before = (type: string) => previous?.conditions?.find((each) => each.type === type);
  const isNowStalled = isStalled(step) && before('Stalled')?.status !== 'True';
  if (before('Complete')?.reason === step.reason && !isNowStalled) return;
  cluster.recordEvent({
    regarding: object,
    type: isStalled(step) ? 'Warning' : 'Normal',
    reason: step.reason satisfies EventReason,
    note: step.message,
    action: 'ResetPositions',
  });
}
