import { Component, createContext } from 'preact';
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

interface AgeProps {
  at: number | undefined;
}

/** How long ago that was, as time goes by. What is the same as before draws nothing. */
export class Age extends Component<AgeProps> {
  static override contextType = Time;
  declare context: Ticker;
  #end: (() => void) | undefined;
  #words = '';

  override componentDidMount(): void {
    this.#end = this.context.onTick(() => {
      if (this.#wordsNow() !== this.#words) this.forceUpdate();
    });
  }

  override componentWillUnmount(): void {
    this.#end?.();
  }

  override render() {
    this.#words = this.#wordsNow();
    return this.#words;
  }

  #wordsNow(): string {
    return ageWords(this.props.at, this.context.nowMs);
  }
}
