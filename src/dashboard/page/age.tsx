import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { ageWords } from './words.ts';

/** The server's wall clock, told each second: ages draw themselves anew by it, so that the page around them need not. */
export class Ticker {
  nowMs: number;
  readonly #told = new Set<() => void>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** @param nowMs ms since the epoch */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    for (const tell of this.#told) tell();
  }

  /** @returns what ends it */
  onTick(tell: () => void): () => void {
    this.#told.add(tell);
    return () => void this.#told.delete(tell);
  }
}

export const Time = createContext(new Ticker(0));

/** How long ago that was, as time goes by. */
export function Age({ at }: { at: number | undefined }) {
  const ticker = useContext(Time);
  const words = ageWords(at, ticker.nowMs);
  const [, setTold] = useState(words);
  // What is the same as before draws nothing.
  useEffect(() => ticker.onTick(() => setTold(ageWords(at, ticker.nowMs))), [ticker, at]);
  return <>{words}</>;
}
