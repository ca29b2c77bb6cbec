import type { Json } from './backend.ts';
import { DynamoDbFailure } from './failure.ts';
import type { TableExtras } from './table-extras.ts';

/** A table's policy is kept and returned; it lets nobody in and keeps nobody out. */
export function answerPolicy(
  operation: 'GetResourcePolicy' | 'PutResourcePolicy' | 'DeleteResourcePolicy',
  extras: TableExtras,
  request: Json,
): Json {
  const { policy } = extras;
  if (operation === 'PutResourcePolicy') {
    const revision = String(Number(policy?.revision ?? 0) + 1);
    extras.policy = { text: String(request['Policy']), revision };
    return { RevisionId: revision };
  }
  if (operation === 'DeleteResourcePolicy') {
    extras.policy = undefined;
    return policy ? { RevisionId: policy.revision } : {};
  }
  if (policy) return { Policy: policy.text, RevisionId: policy.revision };
  const message = `Resource-based policy not found for the provided ResourceArn: Requested policy not found for ${String(request['ResourceArn'])}`;
  throw new DynamoDbFailure('PolicyNotFoundException', message);
}
