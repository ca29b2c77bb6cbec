import type { ComponentChildren } from 'preact';
import { formatRoute, type Route } from './route.ts';

interface LinkProps {
  to: Route;
  children: ComponentChildren;
  class?: string;
  current?: boolean;
}

/** A link as any other: it can be copied and opened in a new tab. `page.tsx` follows it without loading anew. */
export function Link({ to, children, class: name, current }: LinkProps) {
  return (
    <a href={formatRoute(to)} class={name} aria-current={current ? 'true' : undefined}>
      {children}
    </a>
  );
}
