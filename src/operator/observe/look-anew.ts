import { streamKey } from '../group-target.ts';
import { askedReconcile } from '../plan/status/annotated-wishes.ts';
import type { PlacedPass } from '../reconcile-context.ts';

/** Forgets what spares calls, once for each value of the annotation: this pass looks at everything, and tries it. */
export function lookAnew(pass: PlacedPass): void {
  const { group, memory, streams, target } = pass;
  const asked = askedReconcile(group.metadata);
  if (asked === undefined || asked === memory.reconciled) return;
  memory.reconciled = asked;
  // Followed by the operator before this one, which remembers nothing.
  if (asked === group.status?.handled?.reconcile) return;
  streams.refresh(streamKey(target), { isAsked: true });
  Object.assign(memory, { table: undefined, asked: undefined, consumer: undefined, blind: undefined });
  memory.refused.clear();
  pass.looksAnew = true;
}
