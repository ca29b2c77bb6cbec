import { describeError, type KcgError } from '../../../lib/errors.ts';
import type { StepFailure, WorkloadFacts } from '../group-facts.ts';

const WHAT: Readonly<Record<StepFailure['step'], string>> = {
  claim: 'the group id cannot be claimed',
  import: 'the positions cannot be imported',
  pause: 'the workers cannot be told to pause or to go on',
  reset: 'the positions cannot be moved',
  workers: 'the workers cannot be brought to what is wanted',
};

/** One line for people: what could not be done, why, and what to do where that is known. */
export function describeFailure({ step, error }: StepFailure): string {
  return `${WHAT[step]}: ${describeError(error)}`;
}

/** Somebody has to allow it first. Credentials are renewed by themselves in most cases. */
export function isDenied({ code }: KcgError): boolean {
  return code === 'AccessDenied';
}

/** What WorkersAvailable says of an error of the API server, whose message is quoted. */
export function workloadProblem(error: KcgError): NonNullable<WorkloadFacts['problem']> {
  const message = describeError(error);
  if (isDenied(error)) return { reason: 'WorkersAccessDenied', message };
  if (error.code === 'InvalidInput') return { reason: 'TemplateRejected', message };
  if (error.code === 'LimitExceeded') return { reason: 'QuotaExceeded', message };
  return { reason: 'ApplyFailed', message };
}
