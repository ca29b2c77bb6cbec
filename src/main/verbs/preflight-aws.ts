import { accountOfArn } from '../../api/arn.ts';
import { groupIdOf } from '../../api/group.ts';
import { TAKE_OVER_ANNOTATION } from '../../api/labels.ts';
import type { Check } from '../../cli/checks.ts';
import { isOpen } from '../../kinesis/shard.ts';
import type { StreamClient, StreamSummary } from '../../kinesis/stream-client.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import { systemClock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import { patiently } from '../../lib/patiently.ts';
import { systemRandom } from '../../lib/random.ts';
import { CLAIM_KEY } from '../../leases/row.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { judgeRange, rangeOf } from '../../operator/plan/claimed-range.ts';
import { judgeClaim } from '../../operator/plan/judge-claim.ts';
import type { GroupTarget } from '../../operator/group-target.ts';
import { tableRecordOf } from '../../operator/observe/remember-table.ts';
import { desiredTable } from '../../operator/steps/reconcile-table.ts';
import { planTable } from '../../table/plan-table.ts';
import { rangeChecks, tablePlan, workersCheck } from './preflight-plan.ts';
import type { ObservedTable } from '../../table/table-admin.ts';
import { forAws } from '../groups/for-aws.ts';
import type { AwsClients } from '../groups/group-looker.ts';
import type { GroupSource } from '../groups/group-sources.ts';
import type { ClusterFacts } from './preflight-cluster.ts';

/** Whether stream, table and claim let the group work; read-only calls alone, one record of one shard at most. */
export async function checkAws(
  source: GroupSource,
  aws: AwsClients,
  facts: ClusterFacts | undefined,
  signal: AbortSignal,
): Promise<Check[]> {
  const [[stream, checks], [table, tableChecks]] = await Promise.all([
    checkStream(aws.stream!, signal),
    checkTable(source, aws, { existing: facts?.existing, signal }),
  ]);
  const workers = stream ? [workersCheck(source.group!, stream.openShards, systemClock.now())] : [];
  // What there was when the group was made, its condition tells.
  const range = stream && !facts?.existing ? rangeChecks(source.group!, stream, systemClock.now()) : [];
  const claim = table ? await checkClaim(source, aws, { facts, stream, signal }) : [];
  const account = checkAccount(source, stream);
  return [
    ...account,
    ...checks,
    ...range,
    ...tableChecks,
    ...workers,
    ...claim,
    ...imports(source),
    rights(),
  ];
}

/** A group with a role has its table in the account of that; here it is looked for as who asks. */
export function checkAccount(
  { group }: GroupSource,
  stream: Pick<StreamSummary, 'arn'> | undefined,
): Check[] {
  const { aws, stream: named } = group!.spec;
  const account = accountOfArn(aws?.roleArn);
  const isNamed = named.name !== undefined;
  if (account === undefined || (isNamed && accountOfArn(stream?.arn) === account)) return [];
  const things = isNamed ? 'stream and table are' : 'its table is';
  const found = `${things} in account ${account}, that of spec.aws.roleArn; what follows was asked in the account of your AWS identity`;
  const next = `If that is another one, run it with credentials of account ${account}.`;
  return [{ result: 'warning', what: 'account', found, next }];
}

/** Undefined where there is none, or it does not say. */
export async function checkStream(
  client: Pick<StreamClient, 'describe' | 'listShards' | 'getIterator' | 'getRecords'>,
  signal: AbortSignal,
): Promise<[StreamSummary | undefined, Check[]]> {
  const what = 'stream';
  let stream: StreamSummary;
  try {
    stream = await client.describe({ signal });
  } catch (thrown) {
    return [undefined, [failure(what, thrown)]];
  }
  const { name, status, openShards, retentionHours, mode } = stream;
  const how = mode === 'ON_DEMAND' ? 'on demand' : 'provisioned';
  const found = `${name} is ${status}: ${count(openShards, 'open shard')}, keeps ${retentionHours} h, ${how}`;
  const isUsable = status === 'ACTIVE' || status === 'UPDATING';
  const checks: Check[] = [
    {
      result: isUsable ? 'ok' : 'failed',
      what,
      found,
      ...(isUsable ? {} : { next: 'Wait until it is ACTIVE.' }),
    },
  ];
  try {
    const shards = await client.listShards({ from: 'LATEST' }, { signal });
    const shard = shards.find(isOpen);
    if (shard) {
      const iterator = await client.getIterator(shard.shardId, { at: 'LATEST' }, { signal });
      // All readers of a shard share five reads a second.
      await patiently({ clock: systemClock, random: systemRandom, signal }, () =>
        client.getRecords(iterator, 1, { signal }),
      );
    }
    checks.push({
      result: 'ok',
      what: 'read',
      found: 'a shard can be listed and read with your AWS identity',
    });
  } catch (thrown) {
    checks.push(failure('read', thrown));
  }
  return [stream, checks];
}

/** @param about `existing`: the resource as it is in the cluster, which knows of a table that is gone */
export async function checkTable(
  source: GroupSource,
  aws: Pick<AwsClients, 'table'>,
  { existing, signal }: { existing: StoredObject | undefined; signal: AbortSignal },
): Promise<[ObservedTable | undefined, Check[]]> {
  const what = 'table';
  let table: ObservedTable | undefined;
  try {
    table = await aws.table(signal);
  } catch (thrown) {
    return [undefined, [failure(what, thrown)]];
  }
  const target = targetOf(source);
  const existed = existing && tableRecordOf({ object: existing, target })?.claimed;
  const group = source.group!;
  const desired = desiredTable({ group, groupId: groupIdOf(group), target });
  const plan = planTable(desired, table, { existed });
  const { problem, notes, isBusy } = plan;
  if (problem) return [table, [{ result: 'failed', what, found: problem.message }]];
  const found = tablePlan(desired, table, plan);
  const checks: Check[] = [{ result: isBusy && table ? 'warning' : 'ok', what, found }];
  for (const note of notes) checks.push({ result: 'warning', what, found: note });
  return [table, checks];
}

export async function checkClaim(
  source: GroupSource,
  aws: { rows: AwsClients['rows']; leaseTable: (signal: AbortSignal) => Promise<Pick<LeaseTable, 'get'>> },
  {
    facts,
    stream,
    signal,
  }: { facts: ClusterFacts | undefined; stream: StreamSummary | undefined; signal: AbortSignal },
): Promise<Check[]> {
  const what = 'claim';
  let rows;
  let claimRow;
  try {
    rows = await aws.rows(signal);
    claimRow = await (await aws.leaseTable(signal)).get(CLAIM_KEY, { consistent: true, signal });
  } catch (thrown) {
    return [failure(what, thrown)];
  }
  const { claim, leases } = rows;
  const positions =
    leases.length === 0 ? 'there is no position' : `there are positions of ${count(leases.length, 'shard')}`;
  const id = groupIdOf(source.group!);
  if (claim?.clusterId === undefined) {
    const from = leases.length === 0 ? 'it begins at initialPosition' : 'it goes on from them';
    return [{ result: 'ok', what, found: `nobody has claimed ${id}; ${positions}: ${from}` }];
  }
  if (facts?.clusterId === undefined) {
    const found = `${id} is claimed by cluster ${claim.clusterId}, and which cluster this is is not known; ${positions}`;
    return [{ result: 'unknown', what, found }];
  }
  const { groups } = facts;
  const { metadata } = source.group!;
  const verdict = judgeClaim({
    claim,
    clusterId: facts.clusterId,
    resourceUid: facts.existing?.metadata.uid ?? 'none yet',
    resource: `${metadata.name} -n ${metadata.namespace}`,
    stream: stream && { arn: stream.arn, createdAt: stream.createdAt },
    hasPositions: leases.length > 0,
    nameOf: (uid) => (groups ? (groups.get(uid) ?? false) : undefined),
    takeOver: metadata.annotations[TAKE_OVER_ANNOTATION],
  });
  if (verdict.verdict === 'refused') return [{ result: 'failed', what, found: verdict.message }];
  const isLeft = verdict.verdict === 'claim' && claim.resourceUid !== undefined && leases.length > 0;
  const other = isLeft && judgeRange(claimRow, rangeOf(source.group!));
  if (other) return [{ result: 'failed', what, found: other.message }];
  const found =
    verdict.verdict === 'ours' ? 'it is this group’s already' : `it would be taken: ${verdict.why}`;
  return [{ result: 'ok', what, found: `${found}; ${positions}` }];
}

function imports({ group }: GroupSource): Check[] {
  const { importFrom } = group!.spec.checkpoints;
  if (!importFrom) return [];
  const found = `positions of ${importFrom.type} are imported first; that is not tried here`;
  return [
    {
      result: 'unknown',
      what: 'import',
      found,
      next: 'kcg import -f group.yaml --dry-run shows what becomes of each.',
    },
  ];
}

function rights(): Check {
  const found =
    'all was asked with your AWS identity; what the roles of operator and workers may cannot be tried from here';
  return {
    result: 'unknown',
    what: 'roles',
    found,
    next: 'kcg iam -f group.yaml prints the policies they need.',
  };
}

/** What could not be asked is no verdict; what is not there, or forbidden, is. */
function failure(what: string, thrown: unknown): Check {
  const error = forAws(thrown);
  const result = hasCode(error, 'Unavailable', 'Timeout', 'Throttled', 'Credentials') ? 'unknown' : 'failed';
  return { result, what, found: describeError(error) };
}

function targetOf({ group, place }: GroupSource): GroupTarget {
  const { groupId = '', table, region = '', stream } = place;
  const arn = group!.spec.aws?.roleArn;
  const role = arn === undefined ? undefined : { arn, externalId: '', sessionName: '' };
  return { groupId, table, region, stream: stream!, endpoints: {}, role };
}
