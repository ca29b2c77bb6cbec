import { text, TIMESTAMP } from './formats.ts';

/** RFC 3339, of a day that exists. */
export function timestamp(example: string) {
  const error = `has a day that does not exist; write for example ${example}`;
  return text(TIMESTAMP, { max: 40, example }).refine(isRealDay, { error });
}

/** Date.parse takes the 31st of every month; the day has to survive the way there and back. What has no day is not of the form. */
function isRealDay(value: string): boolean {
  if (!TIMESTAMP.test(value)) return true;
  const day = value.slice(0, 10);
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
