import { desiredStateOf, statusOf, type GroupPicture } from './group-picture.ts';
import { isTrouble } from './group-problems.ts';
import type { Problem } from './problem.ts';

/** What one word sums a group up with. `asked`: it does not run, as its spec says. */
export interface Verdict {
  /** `Ready`, a desired state, or the reason of the worst problem. */
  word: string;
  kind: 'error' | 'warning' | 'asked' | 'unknown' | 'good';
}

export function verdictOf(picture: GroupPicture, problems: readonly Problem[]): Verdict {
  const worst = problems.find(isTrouble);
  if (worst) return { word: worst.reason, kind: worst.severity === 'error' ? 'error' : 'warning' };
  const state = desiredStateOf(picture);
  if (state !== undefined && state !== 'Running') return { word: state, kind: 'asked' };
  const isKnown = picture.view !== undefined || statusOf(picture).conditions !== undefined;
  return isKnown ? { word: 'Ready', kind: 'good' } : { word: 'Unknown', kind: 'unknown' };
}
