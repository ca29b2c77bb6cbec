import { isOver, removalTimeOf, type OffsetResetStatus } from '../../api/offset-reset.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';

export interface Removals {
  due: readonly StoredObject[];
  /** When the next one is, ms; undefined = none is in sight. */
  nextInMs: number | undefined;
}

/**
 * Which resets of a group have outlived their `ttlSecondsAfterFinished`. One that another is to undo stays until that is over: what it
 * moved is read from its status. Pure.
 */
export function planRemovals(resets: readonly StoredObject[], nowMs: number): Removals {
  const living = resets.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const needed = new Set(
    living
      .filter(({ status }) => !isOver(status as OffsetResetStatus | undefined))
      .map(({ spec }) => (spec as { undo?: string } | undefined)?.undo),
  );
  const ending = living.flatMap((object) => {
    const atMs = needed.has(object.metadata.name) ? undefined : removalTimeOf(object);
    return atMs === undefined ? [] : [{ object, inMs: atMs - nowMs }];
  });
  const later = ending.filter(({ inMs }) => inMs > 0).map(({ inMs }) => inMs);
  return {
    due: ending.filter(({ inMs }) => inMs <= 0).map(({ object }) => object),
    nextInMs: later.length === 0 ? undefined : Math.min(...later),
  };
}
