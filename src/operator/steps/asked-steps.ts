import { stepKey, type TablePlan } from '../../table/plan-table.ts';
import type { TableStep } from '../../table/table-admin.ts';

/** Looks at which a change may be asked for; a table may take some seconds to show one. */
const ASKS = 3;

/**
 * Changes that were asked for and are asked for still, since the table does not show them: emulators take some and do nothing.
 * After a few times they are in vain. Only saves calls: when it is lost, they are tried anew.
 */
export class AskedSteps {
  readonly #asks = new Map<string, number>();

  /** The service does not know such a change. */
  giveUp(step: TableStep): void {
    this.#asks.set(stepKey(step), ASKS);
  }

  /** After a look that asked for `taken`: what does not show is counted, what is no longer due has taken effect. */
  settle({ steps, inVain, isBusy }: TablePlan, taken: readonly TableStep[]): void {
    const due = new Set([...steps, ...inVain].map(stepKey));
    if (!isBusy) for (const key of this.#asks.keys()) if (!due.has(key)) this.#asks.delete(key);
    for (const key of new Set(taken.map(stepKey))) {
      if (isBusy || due.has(key)) this.#asks.set(key, (this.#asks.get(key) ?? 0) + 1);
    }
  }

  get inVain(): ReadonlySet<string> {
    return new Set([...this.#asks].filter(([, asks]) => asks >= ASKS).map(([key]) => key));
  }

  /** Of those that are still asked for, how often the most has been. */
  get most(): number {
    return Math.max(0, ...[...this.#asks.values()].filter((asks) => asks < ASKS));
  }
}
