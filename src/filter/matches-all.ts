import type { Field } from './event-fields.ts';
import type { Leaf } from './value-rule.ts';

export interface Key {
  path: string;
  /** Of the path, in what `FieldReader` finds. */
  index: number;
  mayBeAbsent: boolean;
  matches: (value: Leaf) => boolean;
}

/** Which element is taken of which array. */
type Taken = ReadonlyMap<number, number>;

/** Only keys that have dots in their names, beside arrays of thousands, can ask for so many. */
const MAX_STEPS = 200_000;

/**
 * A value for each key, of which no two lie in different elements of one array. A key that may be absent is where none of
 * its values can be taken beside those taken so far.
 *
 * Tried depth first. What failed is not tried again: it depends on the key and on the elements taken of arrays that
 * later keys lie in. So siblings of many elements cost their sum and not their product.
 * @throws RangeError when there is too much to try
 */
export function matchesAll(keys: readonly Key[], fields: readonly Field[][]): boolean {
  if (keys.every(({ index }) => fields[index]!.every(({ within }) => within.length === 0))) {
    return keys.every(
      ({ index, mayBeAbsent, matches }) =>
        (mayBeAbsent && fields[index]!.length === 0) || fields[index]!.some(({ value }) => matches(value)),
    );
  }
  // Most events fail by a single key.
  const couldHold = ({ index, mayBeAbsent, matches }: Key) =>
    mayBeAbsent || fields[index]!.some(({ value }) => matches(value));
  if (!keys.every(couldHold)) return false;
  const places = keys.map(({ index }) => placesOf(fields[index]!));
  const later = arraysFrom(keys, fields);
  const failed = new Set<string>();
  let steps = 0;
  const walk = (at: number, all: Taken): boolean => {
    const key = keys[at];
    if (!key) return true;
    const taken = new Map([...all].filter(([array]) => later[at]!.has(array)));
    const state = `${at} ${[...taken].join(' ')}`;
    if (failed.has(state)) return false;
    let isAbsent = true;
    for (const { value, within } of beside(places[at]!, taken)) {
      if ((steps += 1) > MAX_STEPS) throw new RangeError('the event has too many values that go together');
      isAbsent = false;
      if (key.matches(value) && walk(at + 1, join(taken, within))) return true;
    }
    if (key.mayBeAbsent && isAbsent && walk(at + 1, taken)) return true;
    failed.add(state);
    return false;
  };
  return walk(0, new Map());
}

/** The values of one path: those that lie here, and those in elements of arrays. */
interface Place {
  fields: Field[];
  arrays: Map<number, Map<number, Place>>;
}

function placesOf(fields: readonly Field[]): Place {
  const root: Place = { fields: [], arrays: new Map() };
  for (const field of fields) {
    let place = root;
    for (let i = 0; i < field.within.length; i += 2)
      place = inElement(place, field.within[i]!, field.within[i + 1]!);
    place.fields.push(field);
  }
  return root;
}

function inElement(place: Place, array: number, element: number): Place {
  const elements = place.arrays.get(array) ?? new Map<number, Place>();
  const inside = elements.get(element) ?? { fields: [], arrays: new Map() };
  place.arrays.set(array, elements.set(element, inside));
  return inside;
}

/** All values that can be taken beside `taken`. */
function* beside({ fields, arrays }: Place, taken: Taken): Generator<Field> {
  yield* fields;
  for (const [array, elements] of arrays) {
    const element = taken.get(array);
    if (element === undefined) for (const inside of elements.values()) yield* beside(inside, taken);
    else if (elements.has(element)) yield* beside(elements.get(element)!, taken);
  }
}

/** By key: the arrays in which it or a later one has values. */
function arraysFrom(keys: readonly Key[], fields: readonly Field[][]): Set<number>[] {
  const sets: Set<number>[] = [];
  let all = new Set<number>();
  for (const { index } of keys.toReversed()) {
    all = new Set(all);
    for (const { within } of fields[index]!) for (let i = 0; i < within.length; i += 2) all.add(within[i]!);
    sets.unshift(all);
  }
  return sets;
}

function join(taken: Taken, within: readonly number[]): Taken {
  let together = taken;
  for (let i = 0; i < within.length; i += 2) {
    if (!together.has(within[i]!)) together = new Map(together).set(within[i]!, within[i + 1]!);
  }
  return together;
}
