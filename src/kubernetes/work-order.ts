/** Why a key is to be worked on, in the order in which that is done. */
export const REASONS = [
  /** Somebody waits for it, or something stands still until it is done. */
  'urgent',
  /** Something of it has changed, or is about to. */
  'changed',
  /** Never worked on before; such keys come in crowds. */
  'first',
  /** Its time has come, and nothing else. */
  'routine',
] as const;

export type Reason = (typeof REASONS)[number];

/** For each reason, the turns that others had while a key with that reason waited. */
export type PassedOver = Readonly<Record<Reason, number>>;

export interface Turn {
  waits: (reason: Reason) => boolean;
  passed: PassedOver;
  /** Keys that may be worked on at once. */
  room: number;
  /** Keys that are being worked on. */
  running: number;
}

export const NOBODY_PASSED: PassedOver = { urgent: 0, changed: 0, first: 0, routine: 0 };

/** Of so many turns one is owed to keys that wait for this reason, whatever else there is. */
const OWED_ONE_OF: PassedOver = { urgent: 2, changed: 4, first: 8, routine: 8 };
/** Of the room, for those that somebody waits for: a crowd takes all the rest, and each of it may take long. */
const KEPT_SHARE = 1 / 5;

/**
 * Whose turn it is: of a key that waits for the reason returned, the one that waits longest. Undefined = none's now; then more
 * than a few are being worked on, and another turn comes when one of them is done.
 */
export function nextTurn({ waits, passed, room, running }: Turn): Reason | undefined {
  if (running >= room) return undefined;
  const waiting = REASONS.filter(waits);
  const owed = waiting.find((reason) => passed[reason] >= OWED_ONE_OF[reason] - 1);
  if (owed) return owed;
  const isOpenToAll = room - running > Math.floor(room * KEPT_SHARE);
  return waiting.find((reason) => isOpenToAll || isPressing(reason));
}

/** The turns passed over after a turn of `taken`, of which keys wait on or not. */
export function afterTurn({ waits, passed }: Pick<Turn, 'waits' | 'passed'>, taken: Reason): PassedOver {
  const next = { ...passed };
  for (const reason of REASONS) next[reason] = reason === taken || !waits(reason) ? 0 : passed[reason] + 1;
  return next;
}

/** The reason that is served first. */
export function moreUrgent(a: Reason, b: Reason | undefined): Reason {
  return b !== undefined && REASONS.indexOf(b) < REASONS.indexOf(a) ? b : a;
}

function isPressing(reason: Reason): boolean {
  return reason === 'urgent' || reason === 'changed';
}
