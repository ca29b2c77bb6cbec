import { setTimeout } from 'node:timers/promises';

/** What is left of a value that counts as true. */
type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>;

/**
 * What `holds` returns as soon as it counts as true.
 * @param tell the state at the end, for whoever reads why it never came
 */
export async function until<T>(
  what: string,
  holds: () => T | Promise<T>,
  seconds = 300,
  tell?: () => unknown,
): Promise<Truthy<T>> {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    const value = await holds();
    if (value) return value as Truthy<T>;
    if (performance.now() > end) {
      const state = tell ? `: ${JSON.stringify(await tell(), undefined, 1)}` : '';
      throw new Error(`it never came: ${what}${state}`);
    }
    await setTimeout(100);
  }
}
