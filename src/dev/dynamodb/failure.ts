import { KcgError } from '../../lib/errors.ts';

/** A failure as DynamoDB words it. */
export class DynamoDbFailure extends Error {
  readonly type: string;
  readonly status: number;
  constructor(type: string, message: string, status = type === 'InternalServerError' ? 500 : 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** What is not DynamoDB's own failure becomes an InternalServerError, status 500. */
export function asFailure(thrown: unknown): DynamoDbFailure {
  return thrown instanceof DynamoDbFailure
    ? thrown
    : new DynamoDbFailure('InternalServerError', KcgError.from(thrown).message);
}
