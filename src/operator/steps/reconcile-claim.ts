import { TAKE_OVER_ANNOTATION } from '../../api/labels.ts';
import type { Claim } from '../../leases/claim.ts';
import { decodeRows, type GroupRows } from '../../leases/group-rows.ts';
import { latestStart } from '../../leases/latest.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { readClaim } from '../../leases/read-claim.ts';
import { CLAIM_KEY } from '../../leases/row.ts';
import { claimGroup, keepShard, pinStart } from '../../leases/transitions.ts';
import { writeRows } from '../../leases/write-rows.ts';
import { describeError } from '../../lib/errors.ts';
import type { StreamSummary } from '../../kinesis/stream-client.ts';
import type { ClaimFacts } from '../plan/group-facts.ts';
import { keyOf, keyString, type StoredObject } from '../../kubernetes/cluster.ts';
import { claimForRange, judgeRange, rangeOf } from '../plan/claimed-range.ts';
import { judgeClaim, type ClaimVerdict } from '../plan/judge-claim.ts';
import { attempt } from './pace.ts';
import { lookAgain, type PlacedPass } from '../reconcile-context.ts';
import { observeTable } from '../observe/observe-table.ts';
import { rememberTable, tableRecordOf } from '../observe/remember-table.ts';

/** Times a claim is tried against somebody who claims at the same moment. */
const ATTEMPTS = 3;

interface Found {
  table: LeaseTable;
  rows: GroupRows;
  /** `rows` hold all that was written before. */
  isConsistent: boolean;
  /** Undefined = not known at the moment: nothing is claimed, and a claim that was read before stays as it was judged. */
  stream: StreamSummary | undefined;
}

/** Keeps in memory whose the group id is; a failure is told in the status and leaves what was known. */
export async function pursueClaim(
  pass: PlacedPass,
  { table, rows, isConsistent, stream }: Found,
): Promise<void> {
  const { memory } = pass;
  const was = memory.claim;
  const facts = await attempt(pass, { step: 'claim' }, async () => {
    if (stream) return reconcileClaim(pass, { table, rows, isConsistent, stream });
    return memory.claim ?? believedClaim(pass, rows);
  });
  memory.claim = facts ?? was;
  if (was?.verdict !== 'refused' || memory.claim?.verdict !== 'ours') return;
  if (memory.table?.facts.reason !== 'TableSettingsHeld') return;
  // What it asks of the table was left alone until now.
  memory.table = undefined;
  lookAgain(pass, 1_000);
}

/** Whether another has the group id, by its claim as it is now; false where nobody can tell. */
export async function isClaimedByAnother(pass: PlacedPass): Promise<boolean> {
  const { options, target, signal } = pass;
  try {
    // Also a shadow's, whose rows are of another id.
    const rows = await options.aws.leaseTable({ ...target, groupId: pass.groupId, isShadow: false }, signal);
    const claim = await readClaim(rows, signal);
    const clusterId = await options.cluster.clusterId({ signal });
    const known = { claim, clusterId, stream: undefined, hasPositions: true };
    return judge(pass, known).verdict === 'refused';
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    options.log.debug('cannot tell who has the group id', {
      group: pass.groupId,
      error: describeError(thrown),
    });
    return false;
  }
}

/**
 * Claims the group id for this resource, or says who has it. It is ours only once the resource itself knows that: from then
 * on workers may write positions, and a table that goes takes them with it. Undefined when the resource has changed
 * meanwhile: the next look goes on.
 */
async function reconcileClaim(
  pass: PlacedPass,
  input: Found & { stream: StreamSummary },
): Promise<ClaimFacts | undefined> {
  const facts = await claimed(pass, input);
  if (facts?.verdict !== 'ours') return facts;
  // Written once: emulators may tell another time at each look.
  const heldIn = tableRecordOf(pass)?.heldIn ?? pass.memory.table?.facts.createdAt;
  return (await rememberTable(pass, { claimed: true, heldIn })) ? facts : undefined;
}

/** A claim that says this resource holds it is believed; workers compare streams for themselves. */
async function believedClaim(pass: PlacedPass, { claim }: GroupRows): Promise<ClaimFacts | undefined> {
  if (claim === undefined || !tableRecordOf(pass)?.claimed) return undefined;
  const clusterId = await pass.options.cluster.clusterId({ signal: pass.signal });
  const verdict = judge(pass, { claim, clusterId, stream: undefined, hasPositions: true });
  return verdict.verdict === 'claim' ? undefined : verdict;
}

async function claimed(
  pass: PlacedPass,
  { table, rows, isConsistent, stream }: Found & { stream: StreamSummary },
): Promise<ClaimFacts | undefined> {
  const { cluster } = pass.options;
  const clusterId = await cluster.clusterId({ signal: pass.signal });
  // An old read is good enough to see that nothing has changed; anything else is looked at again.
  let { claim } = rows;
  let hasPositions = rows.leases.length > 0;
  let verdict = judge(pass, { claim, clusterId, stream, hasPositions });
  for (let attempt = 0; verdict.verdict !== 'ours' && attempt < ATTEMPTS; attempt += 1) {
    // Where nobody seems to have claimed it, or to have begun, one read shows the claim and the rows that go with it.
    let all: GroupRows | undefined;
    if (attempt === 0 && isConsistent) all = rows;
    else if (!claim || !hasPositions) all = await readAll(pass, table);
    claim = all ? all.claim : await readClaim(table, pass.signal);
    hasPositions ||= all !== undefined && all.leases.length > 0;
    verdict = judge(pass, { claim, clusterId, stream, hasPositions });
    if (verdict.verdict === 'refused') return verdict;
    if (verdict.verdict === 'claim') {
      const { why } = verdict;
      if (!claim && (await isTableAnother(pass))) return undefined;
      const other = hasPositions && (await leftByOtherRange(pass, table, claim));
      if (other) return other;
      await keepRows(pass, table, { seen: rows, now: all ?? (await readAll(pass, table)) });
      if (!(await write(pass, { table, claim, clusterId, stream, hasPositions }))) continue;
      // What this pass goes on with, as the row is now.
      if (!hasPositions && rows.claim) rows.claim.completedAt = undefined;
      const note = `group id ${pass.groupId} claimed: ${why}`;
      pass.events.push({ type: 'Normal', reason: 'Claimed', note, action: 'ClaimGroup', isStep: true });
      verdict = { verdict: 'ours' };
    }
  }
  if (verdict.verdict === 'claim') {
    const message = 'others claim the group id at the same time; trying again';
    return { verdict: 'refused', reason: 'ClaimedByOtherResource', message };
  }
  // Also when it was claimed before: that pass may have failed between the two writes.
  if (verdict.verdict === 'ours') await pinLatest(pass, { table, claim, rows });
  return verdict;
}

/** Where the claim went with a table, and another was made in its place since the last look: the next look tells of that. */
async function isTableAnother(pass: PlacedPass): Promise<boolean> {
  const { memory, options, target, signal } = pass;
  if (tableRecordOf(pass)?.heldIn === undefined) return false;
  try {
    const observed = await observeTable({ ...pass, looksAnew: true }, options.aws.tableAdmin(target));
    if (!observed?.isMadeAnew) return false;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return false;
  }
  memory.table = undefined;
  lookAgain(pass, 1_000);
  return true;
}

/** Positions without a claim are another program's, which knows no range. */
async function leftByOtherRange(
  { group, signal }: PlacedPass,
  table: LeaseTable,
  claim: Claim | undefined,
): Promise<ClaimFacts | undefined> {
  if (claim?.resourceUid === undefined) return undefined;
  return judgeRange(await table.get(CLAIM_KEY, { consistent: true, signal }), rangeOf(group));
}

/**
 * A deleted group may have left its rows to expire, and another program's always do: once claimed they are live, also while
 * no worker takes them. Before the claim, so that a failure between the two begins again.
 */
async function keepRows(
  { signal }: PlacedPass,
  table: LeaseTable,
  { seen, now }: { seen: GroupRows; now: GroupRows },
): Promise<void> {
  const expiring = now.leases.filter(({ ttl }) => ttl !== undefined).map(({ shardId }) => shardId);
  await writeRows(table, expiring.map(keepShard), signal);
  for (const lease of seen.leases) lease.ttl = undefined;
}

async function readAll({ signal }: PlacedPass, table: LeaseTable): Promise<GroupRows> {
  return decodeRows(await table.query('all', { consistent: true, signal }));
}

interface Seen {
  claim: Claim | undefined;
  clusterId: string;
  stream: StreamSummary;
}

function judge(
  pass: PlacedPass,
  {
    claim,
    clusterId,
    stream,
    hasPositions,
  }: Omit<Seen, 'stream'> & { stream: StreamSummary | undefined; hasPositions: boolean },
): ClaimVerdict {
  return judgeClaim({
    claim,
    clusterId,
    resourceUid: pass.object.metadata.uid,
    resource: `${pass.group.metadata.name} -n ${pass.group.metadata.namespace}`,
    stream: stream && { arn: stream.arn, createdAt: stream.createdAt },
    hasPositions,
    nameOf: (uid) => resourceNameOf(pass, uid, claim?.namespace),
    isBeingDeleted: (uid) => holderOf(pass, uid)?.metadata.deletionTimestamp !== undefined,
    takeOver: pass.group.metadata.annotations[TAKE_OVER_ANNOTATION],
  });
}

function holderOf({ options }: Pick<PlacedPass, 'options'>, uid: string): StoredObject | undefined {
  return options.caches.groups.list().find(({ metadata }) => metadata.uid === uid);
}

/** `namespace/name` of the group with this uid in this cluster; false = it is gone, undefined = it cannot be known. */
export function resourceNameOf(
  { options }: Pick<PlacedPass, 'options'>,
  uid: string,
  namespace: string | undefined,
): string | false | undefined {
  const holder = holderOf({ options }, uid);
  if (holder) return keyString(keyOf(holder));
  // One that is only not seen may be alive.
  return options.settings.sees(namespace) ? false : undefined;
}

async function write(
  pass: PlacedPass,
  { table, claim, clusterId, stream, hasPositions }: Seen & { table: LeaseTable; hasPositions: boolean },
): Promise<boolean> {
  const { group, object, options, memory, signal, target } = pass;
  const wanted = {
    groupId: target.groupId,
    clusterId,
    resourceUid: object.metadata.uid,
    namespace: group.metadata.namespace,
    streamArn: stream.arn,
    streamCreatedAt: stream.createdAt,
    claimedAt: options.clock.now(),
    // Where the table cannot be looked at, the resource knows whether it has made it.
    tableMadeAt: memory.table?.facts.madeAt ?? tableRecordOf(pass)?.createdAt,
  };
  const row = claimForRange(claimGroup(claim, wanted), { range: rangeOf(group), hasPositions });
  return (await table.write(row, { signal })).outcome === 'done';
}

/** `Latest` means from the creation of the group on, not from its first worker's start. */
async function pinLatest(
  { group, object, options, target, signal }: PlacedPass,
  { table, claim, rows }: { table: LeaseTable; claim: Claim | undefined; rows: GroupRows },
): Promise<void> {
  if (group.spec.initialPosition.type !== 'Latest') return;
  if (claim?.startAt !== undefined || rows.leases.length > 0) return;
  const createdAt = Date.parse(object.metadata.creationTimestamp ?? '');
  const clusterMs = await options.cluster.now({ signal });
  const nowMs = options.clock.now();
  const ageMs = (clusterMs ?? nowMs) - createdAt;
  const streamMs = await options.aws.streamClient(target).now({ signal });
  const startMs = latestStart({ streamMs, nowMs, ageMs: Number.isNaN(ageMs) ? 0 : ageMs });
  await table.write(pinStart(startMs), { signal });
}
