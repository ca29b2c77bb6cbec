import type { ComponentChildren } from 'preact';

/** Names and what there is to say of each. */
export function Facts({ facts }: { facts: readonly [name: string, text: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}
