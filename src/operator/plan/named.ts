const NAMED_SHARDS = 3;

/** The first three, and how many more there are. */
export function named(shardIds: readonly string[]): string {
  const rest = shardIds.length - NAMED_SHARDS;
  return `${shardIds.slice(0, NAMED_SHARDS).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
