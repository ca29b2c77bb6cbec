import type { GroupRows } from '../leases/group-rows.ts';
import { LEFT_OUT } from './redact.ts';

/** Rows without what a handler said. Sequence numbers stay: they are places, and no data. */
export function handledRows({ leases, workers, claim }: GroupRows): object {
  return {
    claim,
    leases,
    workers: workers.map((row) =>
      row.handlerTrouble ? { ...row, handlerTrouble: { ...row.handlerTrouble, error: LEFT_OUT } } : row,
    ),
  };
}
