import type { KinesisConsumerGroup } from '../../api/group.ts';
import { decodeClaim } from '../../leases/claim.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { CLAIM_KEY } from '../../leases/row.ts';
import { KcgError } from '../../lib/errors.ts';
import { KINDS } from '../../kubernetes/cluster.ts';
import { attempt } from './pace.ts';
import type { ImportFacts, ImportSession } from '../position-import.ts';
import { lookAgain, type PlacedPass } from '../reconcile-context.ts';

interface Found {
  table: LeaseTable;
  rows: GroupRows;
}

/** The group begins with another consumer's positions, or something of an import is still to be ended. */
export function concernsImport(
  { spec }: Pick<KinesisConsumerGroup, 'spec'>,
  rows: Pick<GroupRows, 'claim'> | undefined,
): boolean {
  return spec.checkpoints.importFrom !== undefined || rows?.claim?.imported !== undefined;
}

/**
 * Brings the positions of another consumer in before any worker is started. Once it is over, nothing is asked any more:
 * the claim says so.
 */
export async function pursueImport(pass: PlacedPass, { table, rows }: Found): Promise<void> {
  const { memory, group } = pass;
  if (!concernsImport(group, rows)) return endImport(pass);
  const { facts } = memory.import;
  const seen = rows.claim?.imported;
  const isSame = facts?.record?.id === seen?.id && facts?.record?.state === seen?.state;
  if (facts?.isSettled && isSame && (seen !== undefined || rows.leases.length > 0)) return;
  const next = await attempt(pass, { step: 'import' }, () => step(pass, { table, rows }));
  memory.import.facts = next ?? (facts?.isSettled ? undefined : facts);
  if (next?.isSettled) closeSession(pass);
}

/** Nothing is imported: neither asked for, nor there. */
function endImport(pass: PlacedPass): void {
  closeSession(pass);
  pass.memory.import.facts = undefined;
}

function closeSession({ memory }: PlacedPass): void {
  memory.import.session?.session.close();
  memory.import.session = undefined;
}

async function step(pass: PlacedPass, found: Found): Promise<ImportFacts> {
  const { group, signal } = pass;
  const { table } = found;
  if (group.spec.desiredState === 'Stopped') {
    // What is done stays so; a strong read, as workers are started on it.
    const row = await table.get(CLAIM_KEY, { consistent: true, signal });
    if (row === undefined || decodeClaim(row).imported?.state !== 'done') {
      const message = 'the group is stopped; the import begins with desiredState Running';
      return { reason: 'ImportStopped', message, isSettled: false };
    }
  }
  const session = await openSession(pass, found);
  if ('reason' in session) {
    lookAgain(pass, 30_000);
    return session;
  }
  const { isNew, againInMs, ...facts } = await session.step(signal);
  if (againInMs !== undefined) lookAgain(pass, againInMs);
  if (isNew) {
    const note = `positions of ${facts.message}`;
    pass.events.push({ type: 'Normal', reason: 'PositionsImported', note, action: 'Import' });
  }
  return facts;
}

/** One per source: what watching it has shown is of no use for another. */
async function openSession(pass: PlacedPass, { table, rows }: Found): Promise<ImportSession | ImportFacts> {
  const { memory, group, target, options } = pass;
  const { importFrom } = group.spec.checkpoints;
  // Of a group that has positions, or an import, the source is not asked: the Secret may be gone, as the source may.
  const asksSource = rows.claim?.imported === undefined && rows.leases.length === 0;
  const secret = asksSource ? importFrom?.passwordSecretRef : undefined;
  const password = secret && (await readPassword(pass, secret));
  if (typeof password === 'object') return password;
  const { initialPosition } = group.spec;
  const key = JSON.stringify([importFrom, initialPosition, target, password]);
  const known = memory.import.session;
  if (known?.key === key) return known.session;
  closeSession(pass);
  if (!options.aws.openImport) throw new KcgError('Unsupported', 'this operator imports nothing');
  const session = options.aws.openImport({ target, table, spec: group.spec, password });
  memory.import.session = { key, session };
  return session;
}

async function readPassword(
  { options, group, signal }: PlacedPass,
  { name, key }: { name: string; key: string },
): Promise<string | ImportFacts> {
  const { namespace } = group.metadata;
  const what = `key ${key} of Secret ${namespace}/${name}`;
  try {
    const secret = await options.cluster.get(KINDS.secret, { namespace, name }, { signal });
    const data = (secret as { data?: Record<string, string> } | undefined)?.data?.[key];
    if (data !== undefined) return Buffer.from(data, 'base64').toString();
    const message = `there is no ${what}, which importFrom.passwordSecretRef names. Create it, or correct the name.`;
    return { reason: 'SourceCredentials', message, isSettled: false };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    if (error.code !== 'AccessDenied') throw error;
    const message = `the operator may not read ${what}. Give its ServiceAccount a Role in ${namespace} that may get this Secret (docs/move-in.md).`;
    return { reason: 'SourceCredentials', message, isSettled: false };
  }
}
