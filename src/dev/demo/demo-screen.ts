import { styleText } from 'node:util';
import { groupTable } from '../../cli/get.ts';
import type { Clock } from '../../lib/clock.ts';
import { parseGroup, type KinesisConsumerGroup } from '../../api/group.ts';
import { printTable } from '../../cli/print-table.ts';
import { KINDS } from '../../kubernetes/cluster.ts';
import type { TallyResult } from './delivery-tally.ts';
import { isAwaited } from '../../operator/plan/status/sum-up.ts';
import type { LocalMode } from '../local-mode.ts';

export interface ScreenOptions {
  clock: Clock;
  out: (text: string) => void;
  isTerminal: boolean;
}

const REFRESH_MS = 500;
const CLEAR_TO_END = '\u001b[0J';

/** What happens, line by line, and under it (on a terminal) the table `kubectl get kcg` would show, kept up to date. */
export class DemoScreen {
  readonly #options: ScreenOptions;
  #shown = '';
  #table = '';

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  /**
   * Keeps the table true until `signal` aborts. Not on a terminal: prints it when it changed.
   * @param advise what else to say of a group, a line each: once, for as long as it is so
   */
  async run(
    local: LocalMode,
    signal: AbortSignal,
    advise: (group: KinesisConsumerGroup) => readonly string[] = () => [],
  ): Promise<void> {
    const { clock } = this.#options;
    let told: string[] = [];
    while (!signal.aborted) {
      const objects = await local.cluster.list(KINDS.consumerGroup);
      const groups = objects.flatMap((object): KinesisConsumerGroup[] => {
        const parsed = parseGroup(object);
        return parsed.outcome === 'ok' ? [parsed.group] : [];
      });
      if (groups.length > 0) this.#show(printTable(groupTable(groups, clock.now(), false)));
      const advice = groups.flatMap((group) => [...whatToDo(group), ...advise(group)]);
      for (const line of advice) if (!told.includes(line)) this.say(line);
      told = advice;
      await clock.sleep(REFRESH_MS, { signal });
    }
    this.#erase();
  }

  say(line: string): void {
    this.#erase();
    this.#options.out(`${line}\n`);
    if (this.#options.isTerminal && this.#table) this.#draw();
  }

  /** Prints the balance; true when nothing was lost or out of order. */
  result({ produced, processed, lost, duplicated, outOfOrder }: TallyResult): boolean {
    const ok = lost === 0 && outOfOrder === 0;
    const line = `produced ${produced}, processed ${processed}, lost ${lost}, duplicated ${duplicated}, out of order ${outOfOrder}`;
    this.say(this.#options.isTerminal ? styleText(ok ? 'green' : 'red', line) : line);
    return ok;
  }

  /** The age alone is no news, but on a terminal it goes on. */
  #show(table: string): void {
    const isNews = withoutAge(table) !== withoutAge(this.#table);
    if (table === this.#table || (!isNews && !this.#options.isTerminal)) return;
    this.#table = table;
    if (this.#options.isTerminal) {
      this.#erase();
      this.#draw();
    } else {
      this.#options.out(`${table}\n`);
    }
  }

  #draw(): void {
    this.#shown = `\n${this.#table}\n`;
    this.#options.out(this.#shown);
  }

  #erase(): void {
    if (this.#shown === '') return;
    const lines = this.#shown.split('\n').length - 1;
    this.#options.out(`\u001b[${lines}A${CLEAR_TO_END}`);
    this.#shown = '';
  }
}

/** The table has only the reason; a person who is to do something, or might have to, needs the sentence. */
function whatToDo({ metadata, status: { conditions = [] } = {} }: KinesisConsumerGroup): string[] {
  const condition =
    conditions.find(({ type, status }) => type === 'Stalled' && status === 'True') ??
    conditions.find(({ type, status, reason }) => type === 'Ready' && status !== 'True' && isAwaited(reason));
  return condition ? [`${metadata.name}: ${condition.message}`] : [];
}

function withoutAge(table: string): string {
  return table.replaceAll(/\S+$/gm, '');
}
