/** Ages and delays as kubectl prints them, short: `12s`, `3m`, `2h`, `5d`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** Below how many seconds lag is told in steps of how many. */
const STEPS: readonly (readonly [below: number, step: number])[] = [
  [10, 1],
  [60, 5],
  [120, 10],
  [600, 60],
  [3_600, 120],
  [7_200, 300],
  [Infinity, 3_600],
];

/**
 * In steps, so that a status does not change with every second: the smallest that is not less, seconds. Below one second
 * is 0.
 */
export function lagStepSeconds(ms: number): number {
  if (ms < 1000) return 0;
  const seconds = ms / 1000;
  const [, step] = STEPS.find(([below]) => seconds <= below)!;
  return Math.ceil(seconds / step) * step;
}

/** An age as kubectl prints it: finer while young. Source: k8s.io/apimachinery, duration.HumanDuration. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return both(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return both(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return both(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? both(years, 'y', days % 365, 'd') : `${years}y`;
}

function both(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${unit}` : `${large}${unit}${small}${smallUnit}`;
}
