/**
 * Takes the value of a member out of an object that a promise brought, and leaves `rest` there.
 *
 * For what is large. A promise that has waited for it is old to the garbage collector, like all that waited with it, and what is old is
 * looked at seldom: until then whatever hangs on it is kept, though nobody can reach it any more. Taken out, the value hangs on
 * nothing and goes with the young.
 */
export function takeOut<T, K extends keyof T>(from: T, member: K, rest: T[K]): T[K] {
  const value = from[member];
  from[member] = rest;
  return value;
}
