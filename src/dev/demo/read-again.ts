/**
 * Whether somebody reads a shard whose worker was killed: another pod, or the same one in its next life, which on a slow
 * machine may be back before any other has taken the shard. What arrives before that life began, its last life had sent.
 */
export function isReadAgain(
  latest: { pod: string; atMs: number } | undefined,
  killed: { pod: string; nextLifeMs: number | undefined },
): boolean {
  if (latest === undefined) return false;
  return latest.pod !== killed.pod || latest.atMs > (killed.nextLifeMs ?? Infinity);
}
