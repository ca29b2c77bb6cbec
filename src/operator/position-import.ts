import type { ReasonOf } from '../api/conditions.ts';
import type { KinesisConsumerGroup } from '../api/group.ts';
import type { ImportRecord } from '../leases/import-record.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import type { GroupTarget } from './group-target.ts';

/** How an import stands: what PositionsImported says. */
export interface ImportFacts {
  reason: ReasonOf<'PositionsImported'>;
  message: string;
  /** Workers may start. */
  isSettled: boolean;
  record?: ImportRecord | undefined;
}

export interface ImportStep extends ImportFacts {
  /** This very step has ended it. */
  isNew?: boolean;
  /** When to step again, ms; undefined = a change of the group brings it on. */
  againInMs?: number;
}

/** One import, and what watching its source has shown so far. */
export interface ImportSession {
  /**
   * Goes on as far as it can, and never waits.
   * @throws KcgError as `LeaseTable` does, of the group's own table
   */
  step(signal: AbortSignal): Promise<ImportStep>;
  close(): void;
}

export interface ImportRequest {
  target: GroupTarget;
  table: LeaseTable;
  /** Its `checkpoints.importFrom` may be gone while an import is half done: that is completed without it. */
  spec: KinesisConsumerGroup['spec'];
  /** Of Redis. */
  password: string | undefined;
}

export type OpenImport = (request: ImportRequest) => ImportSession;

/** What is remembered of a group's import. */
export interface ImportMemory {
  facts: ImportFacts | undefined;
  /** `key` is what it was opened for. */
  session: { key: string; session: ImportSession } | undefined;
}
