import { settle, type ManualClock } from './manual-clock.ts';

/** Turns of the event loop before time moves on: what goes over loopback needs some. */
const TURNS = 20;

/** Lets time pass, a second at a time, until `work` has settled; what it does over a network takes none. */
export async function passTime<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let isSettled = false;
  const watch = async () => {
    await Promise.allSettled([work]);
    isSettled = true;
  };
  const watching = watch();
  while (!isSettled) {
    for (let turn = 0; turn < TURNS && !isSettled; turn++) await settle();
    await clock.advance(1_000);
  }
  await watching;
  return work;
}
