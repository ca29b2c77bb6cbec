/** A figure for people: from five digits on in groups of three, as in `12,345`. Identifiers and what programs read are not for this. */
export function figure(n: number): string {
  return Math.abs(n) < 10_000 ? String(n) : String(n).replaceAll(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 shard`, `3 shards`, `12,345 shards`: a noun whose plural ends in s, with how many of it there are. */
export function count(n: number, noun: string): string {
  return `${figure(n)} ${noun}${n === 1 ? '' : 's'}`;
}
