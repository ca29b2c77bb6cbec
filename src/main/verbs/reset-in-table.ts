import { groupIdOf, tableNameOf } from '../../api/group.ts';
import { pickGroup } from '../../cli/leases.ts';
import type { ResetReport } from '../../cli/reset.ts';
import { readGroups } from '../../dev/group-file.ts';
import { ResetRun } from '../../import/reset/reset-run.ts';
import { isSameCreation } from '../../kinesis/same-stream.ts';
import { openLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import { readClaim } from '../../leases/read-claim.ts';
import { abortError, systemClock as clock, withDeadline } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { randomName, systemRandom } from '../../lib/random.ts';
import { openClients, placeOf } from '../groups/import-clients.ts';
import { USER_CALLS } from '../groups/user-aws.ts';
import { useLocalCredentials } from '../groups/local-credentials.ts';
import { refuseManaged } from '../groups/refuse-managed.ts';
import { orStopped } from './or-stopped.ts';
import type { ResetCall } from './reset-by-resource.ts';

const LEFT =
  'stopped: workers go on from where they are, unless positions were being moved. Run kcg reset again: it ends what has begun first.';
/** To let workers go on, when somebody stops it, ms. */
const LET_GO_MS = 5_000;

/**
 * The same in the group's table alone, as in local mode. What an attempt that was stopped has begun is ended first.
 * @throws KcgError `Conflict` when it cannot be done or is an operator's to do, `NotFound` when there is nothing to undo
 */
export async function resetInTable(file: string, call: ResetCall): Promise<ResetReport> {
  const { options, env, signal, say } = call;
  const groups = await readGroups(file);
  const given = pickGroup(file, groups, options.group);
  const { table: name } = options;
  const group =
    name === undefined
      ? given
      : {
          ...given,
          spec: {
            ...given.spec,
            checkpoints: { ...given.spec.checkpoints, table: { ...given.spec.checkpoints.table, name } },
          },
        };
  const place = placeOf(group, options, env);
  useLocalCredentials([place.kinesis, place.dynamodb], env);
  const { client, stream, close } = openClients(place);
  const open = (tableName: string, groupId: string) =>
    openLeaseTable({ ...USER_CALLS, client, tableName, groupId }, signal);
  try {
    const table = await open(place.table, place.groupId);
    const claim = await readClaim(table, signal);
    if (!options.unmanaged) {
      refuseManaged(claim, group.metadata, (name) => ({
        say: `kcg reset ${name}, in a context of that cluster, has the operator do it.`,
      }));
    }
    const { createdAt } = await stream.describe({ signal });
    if (claim?.streamCreatedAt !== undefined && !isSameCreation(claim.streamCreatedAt, createdAt))
      throw new KcgError('Conflict', 'the positions in the table are of an earlier stream of this name');
    const shared = {
      spec: group.spec,
      table,
      stream,
      clock,
      by: 'kcg reset',
      isOfResource: false,
      stopsWorkers: options.stop,
      isDryRun: options.dryRun,
      leaseDurationMs: group.spec.leases.durationSeconds * 1_000,
      openOther: (other: string) => {
        const found = pickGroup(file, groups, other);
        return open(tableNameOf(found), groupIdOf(found));
      },
    };
    const left = claim?.reset;
    return await orStopped(signal, LEFT, async () => {
      // Of a resource, too: no operator is there to end it.
      if (left?.state === 'begun' && !options.dryRun) {
        say(`a reset that was stopped half-way is ended first: snapshot ${left.id}`);
        await follow(new ResetRun({ ...shared, id: left.id, to: undefined }), call);
      }
      const to = call.to ?? undoOf(left?.parts === 0 ? undefined : left?.id);
      const id = randomName(systemRandom, 10);
      try {
        return await follow(new ResetRun({ ...shared, id, to }), call);
      } catch (thrown) {
        if (signal.aborted) await letGo(new ResetRun({ ...shared, id, to: undefined }));
        throw thrown;
      }
    });
  } finally {
    close();
  }
}

/** Workers wait for nothing that nobody waits for. */
async function letGo(run: ResetRun): Promise<void> {
  await withDeadline(clock, LET_GO_MS, { what: 'to let workers go on' }, (signal) => run.step(signal)).catch(
    () => {},
  );
}

function undoOf(snapshot: string | undefined) {
  if (snapshot !== undefined) return { type: 'Snapshot' as const, snapshot };
  throw new KcgError('NotFound', 'no reset of the group is there to be undone');
}

async function follow(run: ResetRun, { signal, say }: ResetCall): Promise<ResetReport> {
  while (!signal.aborted) {
    const step = await run.step(signal);
    if (step.outcome === 'failed') {
      const fix = step.reason === 'WorkersRunning' ? { fix: 'Stop the group, or add --stop.' } : {};
      throw new KcgError('Conflict', step.message, fix);
    }
    if (step.outcome === 'done') {
      const { moved: shards, unchanged, notes, snapshot } = step.result;
      const isDryRun = step.reason === 'DryRun';
      return { isDryRun, message: step.message, shards, unchanged, notes, snapshot: snapshot?.id };
    }
    say(step.message);
    await clock.sleep(step.againInMs, { signal });
  }
  throw abortError(signal);
}
