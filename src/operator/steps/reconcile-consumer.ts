import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import { FINALIZER } from '../../api/labels.ts';
import type { StreamConsumer, StreamSummary } from '../../kinesis/stream-client.ts';
import { describeError, hasCode, KcgError } from '../../lib/errors.ts';
import { KINDS, keyOf, keyString, type StoredObject } from '../../kubernetes/cluster.ts';
import { isRolledOut } from '../plan/status/workers-available.ts';
import { readMadeConsumers, writeMadeConsumers, type MadeConsumer } from '../plan/consumer-record.ts';
import type { ConsumerFacts } from '../plan/group-facts.ts';
import { deploymentFacts } from '../observe/observe-pods.ts';
import { paced } from './pace.ts';
import { isClaimedByAnother } from './reconcile-claim.ts';
import { lookAgain, type Pass, type PlacedPass } from '../reconcile-context.ts';
import { deploymentOf, podsOf } from './reconcile-workload.ts';

/** Somebody may remove it, ms between two looks; while it is being made, sooner. */
const FRESH_MS = 60_000;
const MAKING_MS = 2_000;

/** The name of the stream consumer that the group reads with; undefined = it polls. */
export function consumerNameOf({ spec }: Pick<KinesisConsumerGroup, 'spec'>, groupId: string) {
  return spec.consumer.type === 'EnhancedFanOut' ? (spec.consumer.name ?? groupId) : undefined;
}

/**
 * Finds the stream consumer that the group reads with, or registers it; undefined when the group polls, has nothing to read any more
 * (`isThrough`), or its stream is not known. What fails is told in the facts: workers that have its ARN go on.
 */
export async function pursueConsumer(
  pass: PlacedPass,
  { stream, isThrough }: { stream: StreamSummary | undefined; isThrough: boolean },
): Promise<ConsumerFacts | undefined> {
  const { group, groupId, memory, options, signal } = pass;
  const name = isThrough ? undefined : consumerNameOf(group, groupId);
  if (name === undefined) memory.consumer = undefined; // it goes, and another of its name may come
  if (name === undefined || !stream || memory.claim?.verdict !== 'ours') return undefined;
  const key = `${stream.arn} ${name}`;
  const known = memory.consumer?.key === key ? memory.consumer : undefined;
  const nowMs = options.clock.monotonic();
  if (known && nowMs < known.nextMs) {
    lookAgain(pass, known.nextMs - nowMs);
    return known.facts;
  }
  try {
    const thing = 'stream consumer';
    const found = await paced(pass, { thing, asked: key }, () => findOrRegister(pass, stream.arn, name));
    if (!found) return known?.facts;
    const { arn, status } = found;
    const facts = {
      name,
      arn,
      status,
      isMade: isMade(pass, { streamArn: stream.arn, name }),
      error: undefined,
    };
    const inMs = status === 'ACTIVE' ? FRESH_MS : MAKING_MS;
    memory.consumer = { key, facts, nextMs: nowMs + inMs };
    lookAgain(pass, inMs);
    return facts;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    const nothing = { name, arn: undefined, status: undefined, isMade: false };
    return { ...(known?.facts ?? nothing), error };
  }
}

/** What workers are given: not before it serves. One that served when it was looked at last does while nobody answers. */
export function usableArn(consumer: ConsumerFacts | undefined): string | undefined {
  return consumer?.status === 'ACTIVE' ? consumer.arn : undefined;
}

/** Undefined when the resource has changed meanwhile: the next look goes on. */
async function findOrRegister(
  pass: PlacedPass,
  streamArn: string,
  name: string,
): Promise<StreamConsumer | undefined> {
  const { options, target, signal } = pass;
  const consumers = options.aws.streamConsumers(target);
  const found = await consumers.find(streamArn, name, { signal });
  if (found) return found;
  const made = { streamArn, name };
  const isTriedAgain = isMade(pass, made);
  if (!isTriedAgain && !(await remember(pass, [...madeOf(pass), made]))) return undefined;
  try {
    const registered = await consumers.register(streamArn, name, { signal });
    const note = `stream consumer ${name} registered; it is removed with the group`;
    pass.events.push({ type: 'Normal', reason: 'ConsumerRegistered', note, action: 'RegisterConsumer' });
    return registered;
  } catch (thrown) {
    // Somebody else has made it between the two calls, or an earlier call of ours that got no answer.
    if (hasCode(thrown, 'Conflict') && !isTriedAgain) await remember(pass, without(madeOf(pass), made));
    throw thrown;
  }
}

/** Removes what this group has registered and reads with no more, once none of its pods does either: it has its price by the hour. */
export async function removeOldConsumers(pass: PlacedPass, isThrough: boolean): Promise<void> {
  const { group, groupId, options, signal } = pass;
  const name = consumerNameOf(group, groupId);
  const old = madeOf(pass).filter((made) => isThrough || made.name !== name);
  const isUsed = (made: MadeConsumer) => (isThrough ? podsOf(pass).length > 0 : isInUse(pass, made));
  const unused = old.filter((made) => !isUsed(made));
  if (unused.length === 0) return;
  try {
    await paced(pass, { thing: 'old stream consumer' }, () => removeConsumers(pass, unused));
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    options.log.warn('a stream consumer that is not used any more stays', { error: describeError(thrown) });
  }
}

/** All that the group has registered: it is being deleted, and its pods are gone. Who has taken the group id over reads with them. */
export async function removeAllConsumers(pass: PlacedPass): Promise<void> {
  const made = madeOf(pass);
  if (made.length === 0) return;
  if (!(await isClaimedByAnother(pass))) return removeConsumers(pass, made);
  const names = made.map(({ name }) => name).join(', ');
  tellKept(pass, names, `another resource has claimed group id ${pass.groupId}`);
}

function tellKept({ events }: Pass, names: string, why: string): void {
  const note = `stream consumer ${names} stays, as ${why}`;
  events.push({ type: 'Normal', reason: 'ConsumerKept', note, action: 'DeregisterConsumer' });
}

async function removeConsumers(pass: PlacedPass, old: readonly MadeConsumer[]): Promise<void> {
  const { options, target, signal } = pass;
  const consumers = options.aws.streamConsumers(target);
  for (const made of old) {
    const reader = otherReader(pass, made);
    if (reader !== undefined) tellKept(pass, made.name, `group ${reader} reads with it`);
    const found = reader === undefined ? await findIn(consumers, made, signal) : undefined;
    if (found) {
      await consumers.deregister(found.arn, { signal });
      const note = `stream consumer ${made.name} removed`;
      pass.events.push({ type: 'Normal', reason: 'ConsumerRemoved', note, action: 'DeregisterConsumer' });
    }
    if (!(await remember(pass, without(madeOf(pass), made)))) return;
  }
}

/** Another group that reads with it, by its status: `namespace/name`. */
function otherReader({ options, object }: Pass, { streamArn, name }: MadeConsumer): string | undefined {
  const reads = ({ metadata, status }: StoredObject) =>
    metadata.uid !== object.metadata.uid &&
    metadata.deletionTimestamp === undefined &&
    (status as GroupStatus | undefined)?.stream?.consumer?.arn?.startsWith(
      `${streamArn}/consumer/${name}:`,
    ) === true;
  const other = options.caches.groups.list().find(reads);
  return other && keyString(keyOf(other));
}

/** A stream that is gone has taken its consumers along. */
async function findIn(
  consumers: ReturnType<PlacedPass['options']['aws']['streamConsumers']>,
  { streamArn, name }: MadeConsumer,
  signal: AbortSignal,
): Promise<StreamConsumer | undefined> {
  try {
    return await consumers.find(streamArn, name, { signal });
  } catch (thrown) {
    if (hasCode(thrown, 'NotFound')) return undefined;
    throw thrown;
  }
}

/** The Deployment names it, or has not yet replaced all pods that were made before it named another. */
function isInUse(pass: Pass, { streamArn, name }: MadeConsumer): boolean {
  const deployment = deploymentOf(pass);
  const facts = deploymentFacts(deployment);
  if (!deployment || !facts) return podsOf(pass).length > 0;
  return !isRolledOut(facts) || JSON.stringify(deployment.spec).includes(`${streamArn}/consumer/${name}:`);
}

function madeOf({ object }: Pass): MadeConsumer[] {
  return readMadeConsumers(object);
}

function isMade(pass: Pass, { streamArn, name }: MadeConsumer): boolean {
  return madeOf(pass).some((made) => made.streamArn === streamArn && made.name === name);
}

function without(all: readonly MadeConsumer[], { streamArn, name }: MadeConsumer): MadeConsumer[] {
  return all.filter((made) => made.streamArn !== streamArn || made.name !== name);
}

/** With the finalizer in the same write: a group that is deleted a moment later does not leave a consumer behind. */
async function remember(pass: Pass, made: readonly MadeConsumer[]): Promise<boolean> {
  const { options, object, signal, memory } = pass;
  const finalizers = object.metadata.finalizers ?? [];
  const isGuarded = finalizers.includes(FINALIZER);
  const patch = {
    annotations: writeMadeConsumers(object, made),
    ...(made.length > 0 && !isGuarded ? { finalizers: [...finalizers, FINALIZER] } : {}),
  };
  const result = await options.cluster.patchMetadata(KINDS.consumerGroup, object, patch, { signal });
  if (result.outcome !== 'patched') {
    lookAgain(pass, 1_000);
    return false;
  }
  memory.wasGuarded ||= made.length > 0;
  pass.object = result.object;
  return true;
}
