import type { Condition, RowWrite } from '../../src/leases/row-write.ts';
import { PROTOCOL, type Protocol, type Rules, type Writes } from './protocol.ts';

/** One thing taken away from the protocol. */
export interface Mutation {
  name: string;
  protocol: Protocol;
}

function withRule(rule: keyof Rules): Protocol {
  return { ...PROTOCOL, rules: { ...PROTOCOL.rules, [rule]: false } };
}

function withWrite(name: keyof Writes, change: (write: RowWrite) => RowWrite): Protocol {
  const write = PROTOCOL.writes[name] as (...args: unknown[]) => RowWrite;
  const changed = (...args: unknown[]) => change(write(...args));
  return { ...PROTOCOL, writes: { ...PROTOCOL.writes, [name]: changed } };
}

/** The write without its conditions on these attributes; what proves it stays. */
function without(name: keyof Writes, ...attributes: string[]): Mutation {
  const isKept = ({ attribute }: Condition) => !attributes.includes(attribute);
  const protocol = withWrite(name, (write) => ({ ...write, when: write.when.filter(isKept) }));
  return { name: `\`${name}\` does not ask for \`${attributes.join('` and `')}\``, protocol };
}

function sameEpoch(name: 'take' | 'give' | 'release' | 'reset'): Mutation {
  const epochOf = ({ when }: RowWrite) =>
    when.find(({ attribute }) => attribute === 'epoch') as { value: number };
  const keep = (write: RowWrite) => ({ ...write, set: { ...write.set, epoch: epochOf(write).value } });
  return { name: `\`${name}\` does not raise the epoch`, protocol: withWrite(name, keep) };
}

function noProof(...names: (keyof Writes)[]): Mutation {
  const protocol = names.reduce<Protocol>((all, name) => {
    const changed = withWrite(name, (write) => ({ ...write, proof: [] })).writes[name];
    return { ...all, writes: { ...all.writes, [name]: changed } };
  }, PROTOCOL);
  return { name: 'failed conditions are believed: no row is read back', protocol };
}

const rule = (name: string, which: keyof Rules): Mutation => ({ name, protocol: withRule(which) });

export const MUTATIONS: readonly Mutation[] = [
  without('announce', 'incarnation'),
  without('beat', 'incarnation'),
  without('beat', 'state'),
  without('beat', 'beat'),
  without('fence', 'incarnation'),
  without('fence', 'beat'),
  without('remove', 'incarnation'),
  without('put', 'shard_id'),
  without('take', 'epoch'),
  without('take', 'ref'),
  without('take', 'epoch', 'ref'),
  without('take', 'shard_id'),
  without('checkpoint', 'epoch'),
  without('checkpoint', 'ref'),
  without('checkpoint', 'epoch', 'ref'),
  without('checkpoint', 'sequence'),
  without('give', 'epoch'),
  without('give', 'ref'),
  without('give', 'epoch', 'ref'),
  without('release', 'epoch'),
  without('release', 'ref'),
  without('release', 'epoch', 'ref'),
  without('end', 'epoch'),
  without('end', 'ref'),
  without('end', 'epoch', 'ref'),
  without('reset', 'epoch'),
  without('reset', 'ref'),
  sameEpoch('take'),
  sameEpoch('give'),
  sameEpoch('release'),
  sameEpoch('reset'),
  noProof('announce', 'beat', 'fence', 'take', 'checkpoint', 'give', 'release', 'end'),
  rule('the gate does not ask the lease', 'gateAsksLease'),
  rule('the lease is counted from the answer', 'countsFromSending'),
  rule('a late answer renews a lease that has run out', 'lapseIsFinal'),
  rule('a worker does not fence itself', 'fencesItself'),
  rule('a restarted process keeps its incarnation', 'newIncarnation'),
  rule('workers fence without waiting', 'waitsBeforeFencing'),
  rule('the operator fences on suspicion', 'operatorKnowsOfEnd'),
  rule('a take is not confirmed: the owner is dead', 'confirmsDeath'),
  rule('a take is not confirmed: the parents have ended', 'confirmsParents'),
  rule('nothing is adopted', 'adopts'),
  rule('adopting is not confirmed', 'confirmsAdoption'),
  rule('reading starts from the row that was seen before the take', 'startsFromReturnedRow'),
  rule('a shard is given before it is drained', 'drainsBeforeHandOff'),
  rule('a hand-over leaves out what is not written yet', 'handsOverProgress'),
  rule('children get their rows after the end of the parent', 'childrenFirst'),
  rule('what was taken is started without a look at the lease', 'asksLeaseBeforeStart'),
  rule('a worker that stops removes its row before it has handed over', 'removesRowLast'),
];
