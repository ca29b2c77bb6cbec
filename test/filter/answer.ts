import { Filter } from '../../src/filter/filter.ts';
import { parseEvent } from '../../src/filter/number-text.ts';
import { PatternRefused } from '../../src/filter/refusal.ts';
import type { Answer } from './ruler/ask.ts';

/** What this project's engine says to a question for the one that AWS runs. */
export function answerOf(pattern: string, event: string): Answer {
  try {
    return new Filter([pattern]).matches(parseEvent(event) as object) ? 'match' : 'no match';
  } catch (error) {
    if (error instanceof PatternRefused) return 'refused';
    throw error;
  }
}
