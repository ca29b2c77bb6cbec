/** A source of randomness: like `Math.random`, a number in [0, 1). Injected, so that a seed replays a run. */
export type Random = () => number;

/** For jitter and for names that must not meet; never for secrets, as it can be predicted. */
export const systemRandom: Random = () => Math.random();

/** Deterministic generator. Source: mulberry32 by Tommy Ettinger (public domain). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Integer in [0, below). */
export function randomInt(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** `length` characters of [a-z0-9]; 36^length possibilities. */
export function randomName(random: Random, length: number): string {
  return Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz0123456789'[randomInt(random, 36)]).join('');
}
