import { GroupModel, STEP_S } from './group-model.ts';
import { TARGET_S, type Scaler } from './scalers.ts';

export const SHARDS = 16;
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

export interface DayResult {
  podHours: number;
  /** With a lag above the target, s. */
  overTargetS: number;
  /** Of that, while one shard got more than a shard can be given. */
  hotOverTargetS: number;
  worstLagS: number;
  /** Changes of the number of pods. */
  moves: number;
}

/**
 * Records per second that come in: little by night, much by day, a slow decline in the evening, and a few spikes of ten minutes.
 * At 15:00 one shard is hot for half an hour; at 17:00 every shard is split.
 */
function trafficAt(atS: number): number {
  const hour = atS / HOUR_S;
  const day = Math.max(0, Math.sin(((hour - 6) / 16) * Math.PI));
  const base = 300 + 4_700 * day ** 2;
  const isSpike = [3.5, 9, 12.2, 20].some((start) => hour >= start && hour < start + 1 / 6);
  return isSpike ? base * 2.2 + 800 : base;
}

const HOT = { fromS: 15 * HOUR_S, toS: 15.5 * HOUR_S, share: 0.25 };
const SPLIT_S = 17 * HOUR_S;

/** One day with that scaler, from one pod on. */
export function runDay(scaler: Scaler): DayResult {
  const model = new GroupModel(SHARDS);
  model.scaleTo(1);
  const result: DayResult = { podHours: 0, overTargetS: 0, hotOverTargetS: 0, worstLagS: 0, moves: 0 };
  for (let atS = 0; atS < DAY_S; atS += STEP_S) {
    if (atS === HOT.fromS) model.setHot(HOT.share);
    if (atS === HOT.toS) model.setHot(0);
    if (atS === SPLIT_S) model.splitAll();
    model.step(trafficAt(atS));
    const before = model.asked;
    model.scaleTo(scaler(model, atS + STEP_S));
    if (model.asked !== before) result.moves += 1;
    result.podHours += (model.asked * STEP_S) / HOUR_S;
    const { lagS } = model;
    result.worstLagS = Math.max(result.worstLagS, lagS);
    if (lagS <= TARGET_S) continue;
    result.overTargetS += STEP_S;
    if (atS >= HOT.fromS && atS < HOT.toS + HOUR_S) result.hotOverTargetS += STEP_S;
  }
  return result;
}
