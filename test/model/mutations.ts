import type { RowWrite } from '../../src/leases/row-write.ts';
import { ALL_CASES, CASES, type CaseName } from './cases.ts';
import { PROTOCOL, type Protocol, type Rules, type Writes } from './protocol.ts';
import type { Model } from './world.ts';

/** One thing taken away from the protocol, and the case that is explored without it. */
export interface Mutation {
  name: string;
  on: CaseName;
  model: Model;
  /** Where nothing is violated: what holds it up. */
  why?: string;
  /** Its trace stands on the page. */
  isShown?: boolean;
}

type Change = (protocol: Protocol) => Protocol;

const rule =
  (which: keyof Rules): Change =>
  (protocol) => ({ ...protocol, rules: { ...protocol.rules, [which]: false } });

const changed =
  (name: keyof Writes, change: (write: RowWrite) => RowWrite): Change =>
  (protocol) => {
    const make = protocol.writes[name] as (...args: unknown[]) => RowWrite;
    const other = (...args: unknown[]) => change(make(...args));
    return { ...protocol, writes: { ...protocol.writes, [name]: other } };
  };

function mutation(name: string, on: CaseName, change: Change, why?: string): Mutation {
  return {
    name,
    on,
    model: { ...ALL_CASES[on], protocol: change(PROTOCOL) },
    ...(why === undefined ? {} : { why }),
  };
}

/** The write without its conditions on these attributes; what proves it stays. */
function without(write: keyof Writes, attributes: string, on: CaseName, why?: string): Mutation {
  const dropped = attributes.split(' and ');
  const names = dropped.map((attribute) => `\`${attribute}\``).join(' and ');
  const drop = (full: RowWrite): RowWrite => ({
    ...full,
    when: full.when.filter(({ attribute }) => !dropped.includes(attribute)),
  });
  const made = mutation(`\`${write}\` without its condition on ${names}`, on, changed(write, drop), why);
  // Without it, the beats of one life can be taken for those of another.
  const exactBeats = attributes === 'incarnation';
  return { ...made, model: { ...made.model, exactBeats } };
}

function sameEpoch(write: 'take' | 'give' | 'release' | 'reset', on: CaseName, why?: string): Mutation {
  const keep = (full: RowWrite): RowWrite => {
    const { epoch, ...set } = full.set ?? {};
    return typeof epoch === 'number' ? { ...full, set: { ...set, epoch: epoch - 1 } } : full;
  };
  return mutation(`\`${write}\` leaves the epoch as it is`, on, changed(write, keep), why);
}

const withoutProof: Change = (protocol) =>
  (Object.keys(protocol.writes) as (keyof Writes)[]).reduce(
    (all, name) => changed(name, (write) => ({ ...write, proof: [] }))(all),
    protocol,
  );

const LAPSE = 'leases lapse, workers crash';
const LATE_WORKERS = 'the operator fences, late writes of workers';
const HAND_OVERS = 'hand-overs, crashes, lost answers';
const LATE_HAND_OVERS = 'hand-overs, late writes of shards';
const LATE_AND_CRASHES = 'crashes, late writes of shards';
const LATE_CHILD = 'a child, late writes of shards';
const RESET = 'checkpoints are reset';
const EPOCH_TELLS = 'an epoch has one owner';
const OWNER_TELLS = 'a life never owns a shard again under an ended epoch';

const CONDITIONS: readonly Mutation[] = [
  without('announce', 'incarnation', LATE_WORKERS),
  without('beat', 'incarnation', LATE_WORKERS),
  without('beat', 'state', LAPSE),
  without('beat', 'beat', LATE_WORKERS),
  without('fence', 'incarnation', LAPSE),
  without('fence', 'beat', 'leases lapse, old beats are read'),
  without('remove', 'incarnation', 'workers stop, late removals'),
  without('put', 'shard_id', LATE_CHILD),
  without('take', 'epoch', HAND_OVERS),
  without('take', 'ref', HAND_OVERS, EPOCH_TELLS),
  without('take', 'epoch and ref', HAND_OVERS),
  without('take', 'shard_id', HAND_OVERS, 'rows here have an epoch; it guards rows of other programs'),
  without('checkpoint', 'epoch', RESET),
  without('checkpoint', 'ref', LATE_AND_CRASHES, EPOCH_TELLS),
  without('checkpoint', 'epoch and ref', LATE_AND_CRASHES),
  without('checkpoint', 'sequence', 'two records, late checkpoints'),
  without('give', 'epoch', LATE_HAND_OVERS),
  without('give', 'ref', LATE_AND_CRASHES, EPOCH_TELLS),
  without('give', 'epoch and ref', LATE_AND_CRASHES),
  without('release', 'epoch', LATE_HAND_OVERS),
  without('release', 'ref', LATE_AND_CRASHES, EPOCH_TELLS),
  without('release', 'epoch and ref', LATE_AND_CRASHES),
  without('end', 'epoch', LATE_CHILD, OWNER_TELLS),
  without('end', 'ref', LATE_CHILD, EPOCH_TELLS),
  without('end', 'epoch and ref', LATE_CHILD),
  without('reset', 'epoch', RESET),
  without('reset', 'ref', RESET),
];

const EFFECTS: readonly Mutation[] = [
  sameEpoch('take', HAND_OVERS),
  sameEpoch('give', HAND_OVERS),
  sameEpoch('release', HAND_OVERS),
  sameEpoch('reset', RESET, 'a take starts from the row it returned'),
  mutation(
    'a failed condition is believed, no row is read back',
    HAND_OVERS,
    withoutProof,
    'adopting finds it',
  ),
];

const RULES_OFF: readonly Mutation[] = [
  mutation('the gate does not ask the lease', LAPSE, rule('gateAsksLease')),
  mutation(
    'the lease counts from the answer',
    'leases lapse, answers take their time',
    rule('countsFromSending'),
  ),
  mutation(
    'a late answer renews a lease that ran out',
    'leases lapse, late hand-overs',
    rule('lapseIsFinal'),
  ),
  mutation('a worker does not fence itself', LAPSE, rule('fencesItself')),
  mutation('a restarted process keeps its incarnation', LAPSE, rule('newIncarnation')),
  mutation('workers fence without waiting', LAPSE, rule('waitsBeforeFencing')),
  mutation('the operator fences on suspicion', HAND_OVERS, rule('operatorKnowsOfEnd')),
  mutation('a take does not confirm the death', 'hand-overs, old rows are read', rule('confirmsDeath')),
  mutation('a take does not confirm the parents', 'a child, old rows are read', rule('confirmsParents')),
  mutation('nothing is adopted', HAND_OVERS, rule('adopts')),
  mutation('adopting is not confirmed', 'hand-overs, old rows are read', rule('confirmsAdoption')),
  mutation(
    'reading starts from what was seen before the take',
    LATE_AND_CRASHES,
    rule('startsFromReturnedRow'),
  ),
  mutation('a shard is given before it is drained', HAND_OVERS, rule('drainsBeforeHandOff')),
  mutation('a hand-over leaves out unwritten progress', HAND_OVERS, rule('handsOverProgress')),
  mutation('children get rows after the end of the parent', 'a split', rule('childrenFirst')),
  mutation(
    'what was taken starts without a look at the lease',
    'leases lapse, answers take their time',
    rule('asksLeaseBeforeStart'),
    'the gate asks before each batch',
  ),
  mutation('a stopping worker removes its row first', 'workers stop, late removals', rule('removesRowLast')),
];

const CLOCKS: readonly Mutation[] = [
  {
    name: 'clocks differ by more than the margin: 89 to 100',
    on: LAPSE,
    model: { ...CASES[LAPSE], leaseDurationMs: 200, speeds: [[89], [100]] },
  },
];

const SHOWN = ['`announce` without', 'a late answer renews', 'clocks differ'];

export const MUTATIONS: readonly Mutation[] = [...CONDITIONS, ...EFFECTS, ...RULES_OFF, ...CLOCKS].map(
  (each) => ({ ...each, isShown: SHOWN.some((start) => each.name.startsWith(start)) }),
);
