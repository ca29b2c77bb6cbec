import { createHash } from 'node:crypto';
import type { WorkerRow } from '../leases/worker-row.ts';
import { lagStepSeconds } from './format.ts';

/**
 * What one worker tells of its group while nothing happens: that it lives itself, and a digest of what it has read of all
 * workers' rows after its last beat. Who listens need not read the rows to see that they say the same as before. It carries
 * no authority: whoever hears another word reads the rows, and decides by them.
 */
export interface GroupWord {
  incarnation: string;
  beat: number;
  digest: string;
}

const DIGEST_CHARACTERS = 12;
const WORD = /^([\w-]{1,64}) (\d{1,15}) ([\w-]{1,64})$/;

export function formatWord({ incarnation, beat, digest }: GroupWord): string {
  return `${incarnation} ${beat} ${digest}`;
}

/** Undefined for a line that is none. */
export function parseWord(line: string): GroupWord | undefined {
  const [, incarnation, beat, digest] = WORD.exec(line) ?? [];
  if (incarnation === undefined || beat === undefined || digest === undefined) return undefined;
  return { incarnation, beat: Number(beat), digest };
}

/** Of all that a status tells of workers; their beats are left out, and lag counts in the steps in which it is told. */
export function digestOf(workers: readonly WorkerRow[]): string {
  const told = workers.map((row) => ({
    ...row,
    beat: undefined,
    beatAt: undefined,
    knock: undefined,
    lagging: lagStepSeconds(Math.max(0, ...Object.values(row.lagging))),
  }));
  const hash = createHash('sha256').update(JSON.stringify(told));
  return hash.digest('base64url').slice(0, DIGEST_CHARACTERS);
}
