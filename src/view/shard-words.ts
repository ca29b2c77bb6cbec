import { figure } from '../lib/count.ts';
import type { Judged } from './judge-shard.ts';

/* How the figures of a shard are written, wherever they are shown. */

/** Records or KiB a second, whichever is more. */
export function formatLoad(load: number): string {
  return `${load > 0 && load < 10 ? load.toFixed(1).replace(/\.0$/, '') : figure(Math.round(load))}/s`;
}

export function formatJudged({ judgement, cause }: Pick<Judged, 'judgement' | 'cause'>): string {
  return cause === undefined ? judgement : `${judgement} (${cause})`;
}

/** 128 bits, decimal, as 32 hexadecimal digits: neighbours are seen to be neighbours. */
export function formatHashKey(decimal: string): string {
  return BigInt(decimal).toString(16).padStart(32, '0');
}
