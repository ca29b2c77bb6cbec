/** How a container ended, as the kubelet tells. `message` is what it left in its termination log, or the end of its log. */
export interface Terminated {
  exitCode?: number;
  reason?: string;
  message?: string;
}

/** These two say no more than the exit code. */
const PLAIN_REASONS = new Set(['', 'Error', 'Completed', 'ContainerStatusUnknown']);
/** Of a stack: where it was, what Node adds below it, and a line of nothing but brackets or marks. */
const NO_WORDS = /^(\s+at .*|Node\.js v\d.*|[\s^{}[\]();,]*)$/;

/** Why a container ended, in its own words as far as it had any; undefined when nothing went wrong. */
export function lastWords({ exitCode = 0, reason = '', message = '' }: Terminated = {}): string | undefined {
  if (exitCode === 0 && PLAIN_REASONS.has(reason)) return undefined;
  const end = PLAIN_REASONS.has(reason) ? `ended with exit code ${exitCode}` : reason;
  const words = message.split('\n').findLast((line) => !NO_WORDS.test(line));
  return words === undefined ? end : `${end}: ${words.trim()}`;
}
