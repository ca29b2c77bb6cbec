import * as z from 'zod';
import { API_VERSION } from './group.ts';
import { offsetResetSpec, type OffsetResetSpec } from './offset-reset-spec.ts';
import { offsetResetStatus, type OffsetResetStatus } from './offset-reset-status.ts';
import { problemsOf } from './problems.ts';
import { withoutNulls, withoutUnknown } from './schema-walk.ts';

export type { OffsetResetSpec } from './offset-reset-spec.ts';
export type { OffsetResetStatus } from './offset-reset-status.ts';

export const RESET_KIND = 'KinesisOffsetReset';
export const RESET_PLURAL = 'kinesisoffsetresets';

const reset = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(RESET_KIND),
  spec: offsetResetSpec,
  // The status is ours and derived: one that this release cannot read is as good as none.
  status: offsetResetStatus.optional().catch(undefined),
});

export type ParsedReset =
  | { outcome: 'ok'; spec: OffsetResetSpec; status: OffsetResetStatus | undefined }
  | { outcome: 'refused'; problems: string[] };

/** A KinesisOffsetReset as the API server has it; fields that this release does not know are left out. */
export function parseReset(object: unknown): ParsedReset {
  const { value } = withoutUnknown(reset, withoutNulls(reset, object));
  const parsed = reset.safeParse(value);
  if (parsed.success) return { outcome: 'ok', spec: parsed.data.spec, status: parsed.data.status };
  return { outcome: 'refused', problems: problemsOf(reset, value, parsed.error.issues) };
}

/** The group it is of, as far as its spec can be read: `namespace/name`. */
export function groupKeyOf({
  metadata,
  spec,
}: {
  metadata: { namespace?: string };
  spec?: unknown;
}): string[] {
  const name = (spec as { group?: unknown } | undefined)?.group;
  return typeof name === 'string' ? [`${metadata.namespace ?? 'default'}/${name}`] : [];
}

/** Done, or failed for good. One that waits for its group may be stalled, and is not. */
export function isOver(status: Pick<OffsetResetStatus, 'completionTime'> | undefined): boolean {
  return status?.completionTime !== undefined;
}

/** When it is to be deleted, ms since the epoch; undefined = never, or it is not over. Also of a spec that is refused otherwise. */
export function removalTimeOf({ spec, status }: { spec?: unknown; status?: unknown }): number | undefined {
  const { completionTime } = (status ?? {}) as OffsetResetStatus;
  const { ttlSecondsAfterFinished: ttl } = (spec ?? {}) as { ttlSecondsAfterFinished?: unknown };
  if (completionTime === undefined || typeof ttl !== 'number') return undefined;
  return Date.parse(completionTime) + ttl * 1_000;
}

/** Where to, in a few words. */
export function targetOf({ to, undo }: Pick<OffsetResetSpec, 'to' | 'undo'>): string {
  if (to === undefined) return `undo of ${undo}`;
  switch (to.type) {
    case 'AtTimestamp':
      return to.timestamp!;
    case 'SequenceNumbers':
      return to.positions!.length === 1 ? '1 sequence number' : `${to.positions!.length} sequence numbers`;
    case 'Snapshot':
      return `snapshot ${to.snapshot}`;
    case 'Group':
      return `group ${to.group}`;
    case 'TrimHorizon':
    case 'Latest':
      return to.type;
  }
}
