/** A shard as Kinesis describes it. Hash keys are decimal strings of 128-bit numbers, both ends inclusive. */
export interface Shard {
  shardId: string;
  parentShardId?: string;
  adjacentParentShardId?: string;
  hashStart: string;
  hashEnd: string;
  startingSequence: string;
  /** Only closed shards have one. */
  endingSequence?: string;
}

/** What GetRecords names at the end of a shard. */
export interface ChildShard {
  shardId: string;
  parents: readonly string[];
  hashStart: string;
  hashEnd: string;
}

/** Ids: none, one after a split, two after a merge. The stream may have forgotten those shards. */
export function parentsOf(shard: Shard): string[] {
  return [shard.parentShardId, shard.adjacentParentShardId].filter((id) => id !== undefined);
}

/** It takes records still: it has no ending sequence number. */
export function isOpen(shard: Shard): boolean {
  return shard.endingSequence === undefined;
}

/** The id that a person means: as it is, or by its number, `12` and `shard-12` for `shardId-000000000012`. */
export function shardIdFrom(text: string): string {
  const [, number] = /^(?:shard-)?(\d{1,12})$/.exec(text) ?? [];
  return number === undefined ? text : `shardId-${number.padStart(12, '0')}`;
}
