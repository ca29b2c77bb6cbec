/**
 * The lane, 0 to `lanes` - 1, of a partition key: always the same, so that the records of a key stay in order, and that
 * whoever reads the stream again finds the records of a lane. FNV-1a over the UTF-16 code units, its bits mixed as
 * MurmurHash3 ends, as lanes are told apart by the lowest.
 */
export function laneOf(partitionKey: string, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0x811c9dc5;
  for (let index = 0; index < partitionKey.length; index += 1) {
    hash = Math.imul(hash ^ partitionKey.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % lanes;
}
