import { expect, test } from 'vitest';
import { KcgError, type ErrorCode } from '../../src/lib/errors.ts';
import { tableFailure } from '../../src/operator/observe/table-facts.ts';

const TABLE = 'arn:aws:dynamodb:eu-west-1:123456789012:table/kinesis-checkpoints-kms-orders';

test.each<[ErrorCode, string, string]>([
  ['InvalidInput', 'KMS key arn:aws:kms:eu-west-1:1:key/a is disabled', 'TableKeyInaccessible'],
  ['InvalidInput', 'the key arn:aws:kms:eu-west-1:1:key/a is pending deletion', 'TableKeyInaccessible'],
  ['AccessDenied', 'not authorized to perform: kms:CreateGrant', 'TableKeyInaccessible'],
  ['AccessDenied', 'KMSAccessDeniedException: no', 'TableKeyInaccessible'],
  ['AccessDenied', `not authorized to perform: dynamodb:DescribeTable on ${TABLE}`, 'TableAccessDenied'],
  ['LimitExceeded', 'table kms-orders: too many tables are being created', 'TableLimited'],
  ['Unavailable', 'nobody answers the role kms/operator', 'TableUnreachable'],
])('%s, "%s": %s', (code, message, reason) => {
  expect(tableFailure(new KcgError(code, message)).reason).toBe(reason);
});
