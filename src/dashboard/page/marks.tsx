import type { Verdict } from '../../view/verdict.ts';
import type { ShardKind } from './shard-order.ts';

export type Tone = Verdict['kind'] | 'note';

/** Each tone has a shape of its own, beside its colour and the word that always stands next to it. An image would cost more than all else in a row. */
export function Mark({ tone }: { tone: Tone }) {
  return <span class={`mark tone-${tone}`} aria-hidden="true" />;
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
