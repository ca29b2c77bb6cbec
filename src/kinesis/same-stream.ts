/** Creation times are told in seconds by some and in milliseconds by others. */
const SAME_CREATION_MS = 1_000;

/**
 * Of one name, or ARN: the same stream, or a later one? Shards of both have the same names, and some positions of the one look
 * right in the other. Both times in ms since the epoch.
 */
export function isSameCreation(createdAt: number, other: number): boolean {
  return Math.abs(createdAt - other) <= SAME_CREATION_MS;
}
