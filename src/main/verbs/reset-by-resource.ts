import { API_VERSION } from '../../api/group.ts';
import { RESET_KIND, type OffsetResetSpec, type OffsetResetStatus } from '../../api/offset-reset.ts';
import type { ResetReport, resetOptions } from '../../cli/reset.ts';
import { abortError, systemClock } from '../../lib/clock.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import type { OptionValues } from '../../lib/options.ts';
import { randomName, systemRandom } from '../../lib/random.ts';
import {
  KINDS,
  type Cluster,
  type KubeObject,
  type ObjectKey,
  type StoredObject,
} from '../../kubernetes/cluster.ts';
import { orStopped } from './or-stopped.ts';
import { noSuchGroup } from '../groups/no-such-group.ts';
import { readUserCluster } from '../groups/user-cluster.ts';

export interface ResetCall {
  /** Undefined = undo. */
  to: OffsetResetSpec['to'];
  options: OptionValues<typeof resetOptions>;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Tells what it waits for. */
  say: (message: string) => void;
}

const LOOK_MS = 500;
/** An operator takes notice of a reset within seconds. */
const PATIENCE_MS = 30_000;

/**
 * Creates a KinesisOffsetReset and waits until the operator has ended it; told to stop, it leaves it to the operator.
 * @throws KcgError `NotFound` for a group that is not there, `Conflict` when the reset has failed
 */
export async function resetByResource(
  group: string,
  { to, options, env, signal, say }: ResetCall,
): Promise<ResetReport> {
  return readUserCluster(options, { env }, async ({ cluster, namespace }) => {
    const key = { namespace, name: group };
    if (!(await isThere(cluster, key, signal))) throw await noSuchGroup(cluster, key);
    const undone = to ? undefined : await lastReset(cluster, { namespace, group, signal });
    const where = to ? { to } : { undo: undone?.metadata.name };
    const spec = {
      group,
      ...where,
      ...(options.stop ? { whileRunning: 'Stop' } : {}),
      ...(options.dryRun ? { dryRun: true } : {}),
      ...(options.ttl === undefined ? {} : { ttlSecondsAfterFinished: options.ttl }),
    };
    const name = `${group}-${randomName(systemRandom, 6)}`;
    const object: KubeObject = {
      apiVersion: API_VERSION,
      kind: RESET_KIND,
      metadata: { name, namespace },
      spec,
    };
    const result = await cluster.apply(KINDS.offsetReset, object, { fieldManager: 'kcg-cli', signal });
    if (result.outcome !== 'applied') throw new KcgError('Conflict', result.message);
    say(`kinesisoffsetreset ${namespace}/${name} created${undone ? `: ${undoing(undone)}` : ''}`);
    const left = `not waited for: the operator goes on with ${namespace}/${name}. kubectl get kcgreset ${name} -n ${namespace} shows how it stands.`;
    return orStopped(signal, left, () => untilOver(cluster, { namespace, name, signal, say }));
  });
}

/** Who may create resets need not be allowed to see groups: the reset tells of one that is not there. */
async function isThere(cluster: Cluster, group: ObjectKey, signal: AbortSignal): Promise<boolean> {
  try {
    return (await cluster.get(KINDS.consumerGroup, group, { signal })) !== undefined;
  } catch (thrown) {
    if (!hasCode(thrown, 'AccessDenied')) throw thrown;
    return true;
  }
}

/** One that came after it may have been deleted since. */
function undoing({ metadata, status }: StoredObject): string {
  const { completionTime = 'an unknown time' } = status as OffsetResetStatus;
  return `back before ${metadata.name}, which was over at ${completionTime}`;
}

/** The last one that moved something and says how to go back. */
async function lastReset(
  cluster: Cluster,
  { namespace, group, signal }: { namespace: string; group: string; signal: AbortSignal },
): Promise<StoredObject> {
  const all = await cluster.list(KINDS.offsetReset, { namespace, signal });
  const when = ({ status }: StoredObject) => (status as OffsetResetStatus).completionTime ?? '';
  // Several may end in one second; what ended last was written last.
  const version = ({ metadata }: StoredObject) => Number(metadata.resourceVersion);
  const done = all
    .filter(({ spec }) => (spec as { group?: string } | undefined)?.group === group)
    .filter(({ status }) => (status as OffsetResetStatus | undefined)?.snapshot !== undefined)
    .sort((a, b) => (when(a) === when(b) ? version(a) - version(b) : when(a) < when(b) ? -1 : 1));
  const last = done.at(-1);
  if (last) return last;
  throw new KcgError('NotFound', `no reset of ${namespace}/${group} is there to be undone`, {
    fix: 'kubectl get kcgreset lists them; of one that was deleted, the snapshot can be named: --to-snapshot ID.',
  });
}

async function untilOver(
  cluster: Cluster,
  {
    namespace,
    name,
    signal,
    say,
  }: { namespace: string; name: string; signal: AbortSignal; say: ResetCall['say'] },
): Promise<ResetReport> {
  const startMs = systemClock.monotonic();
  while (!signal.aborted) {
    const object = await cluster.get(KINDS.offsetReset, { namespace, name }, { signal });
    if (!object) throw new KcgError('NotFound', `${RESET_KIND} ${namespace}/${name} was deleted meanwhile`);
    const status = (object.status ?? {}) as OffsetResetStatus;
    const complete = status.conditions?.find(({ type }) => type === 'Complete');
    if (complete?.status === 'True') return reportOf(status, complete);
    if (status.conditions?.some(({ type, status: is }) => type === 'Stalled' && is === 'True'))
      throw failed(complete);
    if (complete) say(complete.message);
    else if (systemClock.monotonic() - startMs > PATIENCE_MS)
      say('no operator has taken notice of it yet: is one running that looks after this namespace?');
    await systemClock.sleep(LOOK_MS, { signal });
  }
  throw abortError(signal);
}

type Condition = NonNullable<OffsetResetStatus['conditions']>[number];

function failed(complete: Condition | undefined): KcgError {
  const { reason = '', message = 'the reset has failed' } = complete ?? {};
  const fix = reason === 'WorkersRunning' ? { fix: 'Stop the group, or add --stop.' } : {};
  return new KcgError('Conflict', message, fix);
}

function reportOf(
  { shards = [], unchanged = 0, notes = [], snapshot }: OffsetResetStatus,
  { reason, message }: Condition,
) {
  return { isDryRun: reason === 'DryRun', message, shards, unchanged, notes, snapshot: snapshot?.id };
}
