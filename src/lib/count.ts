/** `1 shard`, `3 shards`, `0 shards`: a noun whose plural ends in s, with how many of it there are. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
