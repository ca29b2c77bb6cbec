declare module 'lock' {
  /** Gives a lock back, then calls `done`. */
  export type Release = (done: (...result: unknown[]) => void) => (...result: unknown[]) => void;
  export type Work = (release: Release) => void;
  /** Calls `work` when nobody else holds `key`, one or several. */
  export type Take = (key: unknown, work: Work) => void;
  const lock: { Lock: () => Take };
  export default lock;
}
