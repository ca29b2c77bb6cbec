import type { Shard } from '../../src/kinesis/shard.ts';
import type { ForeignPoint, ForeignPosition, ForeignPositions } from '../../src/import/foreign-store.ts';

export const id = (n: number) => `shardId-${String(n).padStart(12, '0')}`;

/** Shard `n`, numbers from `n000` to, when it is closed, `n999`. */
export function aShard(n: number, { parents = [] as number[], closed = false } = {}): Shard {
  const [parent, adjacent] = parents;
  return {
    shardId: id(n),
    ...(parent === undefined ? {} : { parentShardId: id(parent) }),
    ...(adjacent === undefined ? {} : { adjacentParentShardId: id(adjacent) }),
    hashStart: '0',
    hashEnd: '1',
    startingSequence: `${n + 1}000`,
    ...(closed ? { endingSequence: `${n + 1}999` } : {}),
  };
}

export const at = (sequence: string): ForeignPoint => ({ at: 'SEQUENCE', sequence });

export function aPosition(n: number, point: ForeignPoint): ForeignPosition {
  return { shardId: id(n), point, movement: '' };
}

export function somePositions(
  positions: readonly ForeignPosition[],
  overrides: Partial<ForeignPositions> = {},
): ForeignPositions {
  return {
    program: 'kcl',
    version: 'KCL',
    source: 'table app',
    positions,
    movement: '',
    expiryMs: 10_000,
    isSilentWhenIdle: false,
    dropsFinishedShards: false,
    skipped: [],
    refusals: [],
    ...overrides,
  };
}
