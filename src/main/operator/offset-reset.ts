import { ResetRun } from '../../import/reset/reset-run.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ResetRequest, ResetSession } from '../../operator/offset-reset.ts';

/** One reset of the operator's. */
export function openReset(request: ResetRequest, stream: StreamClient, clock: Clock): ResetSession {
  return new ResetRun({ ...request, isOfResource: true, stream, clock });
}
