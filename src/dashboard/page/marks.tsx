import type { Verdict } from '../../view/verdict.ts';
import type { ShardKind } from './shard-order.ts';

export type Tone = Verdict['kind'] | 'note';

/** Each tone has a shape of its own, beside its colour and the word that always stands next to it. */
const SHAPES: Record<Tone, string> = {
  good: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM6.9 11.3L3.9 8.3l1.2-1.2l1.8 1.8l4-4l1.2 1.2z',
  error:
    'M5 1.5h6l3.5 3.5v6L11 14.5H5L1.5 11V5zM5.8 4.6L4.6 5.8L6.8 8l-2.2 2.2l1.2 1.2L8 9.2l2.2 2.2l1.2-1.2L9.2 8l2.2-2.2l-1.2-1.2L8 6.8z',
  warning: 'M8 1.2L15.2 14H.8zM7.2 5.5v4.3h1.6V5.5zm0 5.4v1.6h1.6v-1.6z',
  asked: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM5.6 5h1.7v6H5.6zm3.1 0h1.7v6H8.7z',
  unknown: 'M8 1.5L14.5 8L8 14.5L1.5 8zM7.2 9.9h1.6v1.6H7.2zM7.2 4.6h1.6v4.1H7.2z',
  note: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM7.2 4.4h1.6V6H7.2zm0 2.8h1.6v4.4H7.2z',
};

export function Mark({ tone }: { tone: Tone }) {
  return (
    <svg class={`mark tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      <path fill-rule="evenodd" d={SHAPES[tone]} />
    </svg>
  );
}

/** A word with its mark: what a group or a problem comes to. */
export function Badge({ tone, children }: { tone: Tone; children: string }) {
  return (
    <span class={`badge tone-${tone}`}>
      <Mark tone={tone} />
      {children}
    </span>
  );
}

/** The tone of what is drawn of a shard; undefined for what is neither well nor ill. */
export const TONE_OF_KIND: Record<ShardKind, Tone | undefined> = {
  trouble: 'error',
  behind: 'warning',
  ok: 'good',
  waiting: 'asked',
  ended: undefined,
};
