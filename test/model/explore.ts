import { isSettled, violationOf, type Violation } from './invariants.ts';
import { steps } from './steps.ts';
import { initialWorld, type Model, type World } from './world.ts';
import { WorldKey } from './world-key.ts';

export interface Exploration {
  states: number;
  transitions: number;
  /** Steps from the beginning to the farthest state. */
  depth: number;
  violation?: (Violation & { trace: readonly string[] }) | undefined;
}

/** Breadth first, so the first violation has a shortest trace. */
export function explore(
  model: Model,
  { liveness = true, maxStates = Infinity, ignoresLives = false } = {},
): Exploration {
  const first = initialWorld(model);
  const key = new WorldKey(model);
  const ids = new Map<string, number>([[key.of(first), 0]]);
  const parents = new IntList();
  parents.push(0);
  const goodFrom = new IntList();
  const goodTo = new IntList();
  const settled: number[] = [];
  let frontier: [number, World][] = [[0, first]];
  let transitions = 0;
  let depth = 0;
  while (frontier.length > 0) {
    const next: [number, World][] = [];
    for (const [id, world] of frontier) {
      if (liveness && isSettled(model, world)) settled.push(id);
      for (const step of steps(model, world)) {
        transitions += 1;
        if (violationOf(model, world, step, { ignoresLives })) {
          const violation = lastStep(model, traceTo(model, parents, ids, id), { ignoresLives });
          return { states: ids.size, transitions, depth, violation };
        }
        const text = key.of(step.world);
        let to = ids.get(text);
        if (to === undefined) {
          to = ids.size;
          ids.set(text, to);
          parents.push(id);
          next.push([to, step.world]);
          if (to > maxStates) throw new Error(`more than ${maxStates} states at depth ${depth}`);
        }
        if (liveness && step.good && to !== id) {
          goodFrom.push(id);
          goodTo.push(to);
        }
      }
    }
    frontier = next;
    if (next.length > 0) depth += 1;
  }
  const found: Exploration = { states: ids.size, transitions, depth };
  const stuck = liveness ? firstStuck(ids.size, goodFrom, goodTo, settled) : undefined;
  if (stuck === undefined) return found;
  const { trace } = traceTo(model, parents, ids, stuck);
  const what = 'no way from here to where everything is read';
  return { ...found, violation: { invariant: 'I5', what, trace } };
}

/** The first state, in breadth-first order, from which no good steps lead to a settled one. */
function firstStuck(
  states: number,
  from: IntList,
  to: IntList,
  settled: readonly number[],
): number | undefined {
  const starts = new Int32Array(states + 1);
  for (let i = 0; i < to.length; i += 1) starts[to.at(i) + 1]! += 1;
  for (let i = 0; i < states; i += 1) starts[i + 1]! += starts[i]!;
  const fill = starts.slice();
  const backward = new Int32Array(from.length);
  for (let i = 0; i < from.length; i += 1) {
    const target = to.at(i);
    backward[fill[target]!] = from.at(i);
    fill[target]! += 1;
  }
  const reached = new Uint8Array(states);
  const queue = [...settled];
  for (const id of settled) reached[id] = 1;
  while (queue.length > 0) {
    const id = queue.pop()!;
    for (let i = starts[id]!; i < starts[id + 1]!; i += 1) {
      const before = backward[i]!;
      if (reached[before]) continue;
      reached[before] = 1;
      queue.push(before);
    }
  }
  const stuck = reached.indexOf(0);
  return stuck < 0 ? undefined : stuck;
}

interface Way {
  trace: string[];
  world: World;
}

/** Walks the way again, because only keys were kept. */
function traceTo(model: Model, parents: IntList, ids: ReadonlyMap<string, number>, target: number): Way {
  const way: number[] = [];
  for (let id = target; id !== 0; id = parents.at(id)) way.unshift(id);
  const trace: string[] = [];
  const key = new WorldKey(model);
  let world = initialWorld(model);
  for (const id of way) {
    for (const step of steps(model, world)) {
      if (ids.get(key.of(step.world)) !== id) continue;
      trace.push(step.name);
      world = step.world;
      break;
    }
  }
  return { trace, world };
}

/** On this way workers may have changed places, so the step that is wrong is looked for again. */
function lastStep(
  model: Model,
  { trace, world }: Way,
  options: { ignoresLives: boolean },
): Exploration['violation'] {
  for (const step of steps(model, world)) {
    const violation = violationOf(model, world, step, options);
    if (violation) return { ...violation, trace: [...trace, step.name] };
  }
  throw new Error(`the way to a violation does not lead there again: ${trace.join('; ')}`);
}

/** Numbers without their boxes. */
class IntList {
  #items = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#items.length) {
      const more = new Int32Array(this.length * 2);
      more.set(this.#items);
      this.#items = more;
    }
    this.#items[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#items[index]!;
  }
}
