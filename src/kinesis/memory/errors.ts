import { KcgError } from '../../lib/errors.ts';

/** The failures of the memory twin, worded like the service's own. */

export interface StreamName {
  name: string;
  accountId: string;
}

/** `NotFound`, also for a stream of another account or region. */
export function streamNotFound({ name, accountId }: StreamName): KcgError {
  return new KcgError('NotFound', `Stream ${name} under account ${accountId} not found.`, {
    resource: `stream ${name}`,
  });
}

/** `NotFound`, also for an iterator of an earlier stream of the same name. */
export function shardNotFound(shardId: string, { name, accountId }: StreamName): KcgError {
  const message = `Could not find shard ${shardId} in stream ${name} under account ${accountId}.`;
  return new KcgError('NotFound', message, { resource: `shard ${shardId} of stream ${name}` });
}

/** `Throttled`: one of the shard's rates, of calls, records or bytes, is used up for now. */
export function rateExceeded(shardId: string, { name, accountId }: StreamName): KcgError {
  const message = `Rate exceeded for shard ${shardId} in stream ${name} under account ${accountId}.`;
  return new KcgError('Throttled', message, { resource: `shard ${shardId} of stream ${name}` });
}

/** `Conflict`: the operation needs a stream in another state than `status`. */
export function streamBusy({ name, accountId }: StreamName, status: string): KcgError {
  const message = `Stream ${name} under account ${accountId} not ACTIVE, instead in state ${status}`;
  return new KcgError('Conflict', message, { resource: `stream ${name}` });
}

/** `Conflict`: a stream with consumers is not deleted by mistake. */
export function streamHasConsumers({ name, accountId }: StreamName): KcgError {
  const message = `DeleteStream can't delete ${accountId}:${name} because there are consumers associated with this data stream. To delete ${name} anyway, set the EnforceConsumerDeletion parameter to true to force the deletion of all the consumers that are associated with it.`;
  return new KcgError('Conflict', message, { resource: `stream ${name}` });
}

/** `InvalidInput`; unlike the others it names no resource. */
export function invalid(message: string): KcgError {
  return new KcgError('InvalidInput', message);
}

/** For the operations that on-demand streams do by themselves. */
export function notProvisioned({ name }: StreamName, operation: string): KcgError {
  const message = `Stream ${name} is in ON_DEMAND mode, which does not support ${operation}.`;
  return new KcgError('InvalidInput', message, { resource: `stream ${name}` });
}

/** `LimitExceeded`: passes by itself as the calls become older than 24 hours. */
export function reshardLimit({ name, accountId }: StreamName): KcgError {
  const message = `Stream ${name} under account ${accountId} has reached the limit of 10 UpdateShardCount calls within 24 hours.`;
  return new KcgError('LimitExceeded', message, { resource: `stream ${name}` });
}

/** `NotFound`, also for a consumer that was made again under its name. */
export function consumerNotFound(consumer: string, { name, accountId }: StreamName): KcgError {
  const message = `Consumer ${consumer}, stream ${name} under account ${accountId} not found.`;
  return new KcgError('NotFound', message, { resource: `consumer ${consumer} of stream ${name}` });
}

/** `Conflict`: the name is taken. */
export function consumerExists(consumer: string, { name, accountId }: StreamName): KcgError {
  const message = `Consumer ${consumer} under stream ${name} already exists for account ${accountId}.`;
  return new KcgError('Conflict', message, { resource: `consumer ${consumer} of stream ${name}` });
}

/** `LimitExceeded`: `what` there may be no more of. */
export function consumerLimit(what: string, { name, accountId }: StreamName): KcgError {
  const message = `Stream ${name} under account ${accountId} has reached the limit of ${what}.`;
  return new KcgError('LimitExceeded', message, { resource: `stream ${name}` });
}

/** `Conflict`: subscribed to less than five seconds ago, or taken over by a later call. */
export function subscriptionInUse(consumerArn: string, shardId: string): KcgError {
  const message = `Another active subscription exists for this consumer: ${consumerArn} on ${shardId}.`;
  return new KcgError('Conflict', message, { resource: consumerArn });
}
