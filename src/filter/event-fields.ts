import type { Leaf } from './value-rule.ts';
import { NumberText } from './number-text.ts';

/** A value of an event, and in which elements of which arrays it lies: pairs of array and index. */
export interface Field {
  value: Leaf;
  within: readonly number[];
}

/** What is looked for below one name: `names` lead on, also over several steps for keys that have dots in them. */
interface Node {
  leaf: number | undefined;
  names: Map<string, Node>;
}

/** The engine that AWS runs reads JSON no deeper. */
const MAX_DEPTH = 1_000;
const NOWHERE: readonly number[] = [];

/**
 * Finds the values of a set of paths. Events are flattened: `{"a": {"b": 1}}` and `{"a.b": 1}` have the same field, and
 * elements of arrays are values of the array's own path. Objects without fields and empty arrays have none.
 */
export class FieldReader {
  readonly #root: Node = { leaf: undefined, names: new Map() };
  readonly #paths: readonly string[];

  constructor(paths: readonly string[]) {
    this.#paths = paths;
    for (const [leaf, path] of paths.entries()) this.#add(path, leaf);
  }

  #add(path: string, leaf: number): void {
    const steps = path.split('.');
    const nodes: Node[] = [this.#root];
    for (const step of steps) {
      const parent = nodes.at(-1)!;
      const node = parent.names.get(step) ?? { leaf: undefined, names: new Map() };
      parent.names.set(step, node);
      nodes.push(node);
    }
    nodes.at(-1)!.leaf = leaf;
    for (let from = 0; from < steps.length; from += 1) {
      for (let to = from + 2; to <= steps.length; to += 1)
        nodes[from]!.names.set(steps.slice(from, to).join('.'), nodes[to]!);
    }
  }

  /**
   * Fields of `event` by the index of their path.
   * @throws RangeError when arrays or objects are too deep in one another
   */
  read(event: object): Field[][] {
    const found: Field[][] = this.#paths.map(() => []);
    let arrays = 0;
    const visit = (value: unknown, node: Node, within: readonly number[], depth: number): void => {
      if (depth > MAX_DEPTH) throw new RangeError('the event is too deep');
      if (Array.isArray(value)) {
        const array = arrays++;
        for (const [index, element] of value.entries()) {
          const isLeaf = typeof element !== 'object' || element === null;
          visit(element, node, isLeaf ? within : [...within, array, index], depth + 1);
        }
      } else if (typeof value === 'object' && value !== null && !(value instanceof NumberText)) {
        for (const [name, next] of node.names) {
          if (Object.hasOwn(value, name))
            visit((value as Record<string, unknown>)[name], next, within, depth + 1);
        }
      } else if (node.leaf !== undefined) {
        found[node.leaf]!.push({ value: value as Leaf, within });
      }
    };
    visit(event, this.#root, NOWHERE, 0);
    return found;
  }
}
