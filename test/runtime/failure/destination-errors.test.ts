import { describe, expect, it } from 'vitest';
import { translateDestinationError } from '../../../src/runtime/failure/destination-errors.ts';

const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:failed';
const call = {
  action: 'sqs:SendMessage',
  resource: QUEUE,
  principal: "the worker's role",
  ifGone: 'Create the queue.',
};
const told = (name: string, message: string, status = 400) =>
  translateDestinationError(
    Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } }),
    call,
  );

describe('a failure of a destination', () => {
  it.each([
    ['QueueDoesNotExist', 'NotFound'],
    ['NotFoundException', 'NotFound'],
    ['NoSuchBucket', 'NotFound'],
    ['RequestThrottled', 'Throttled'],
    ['ThrottledException', 'Throttled'],
    ['SlowDown', 'Throttled'],
    ['KmsThrottled', 'Throttled'],
    ['AccessDenied', 'AccessDenied'],
    ['AuthorizationErrorException', 'AccessDenied'],
    ['KMSAccessDeniedException', 'AccessDenied'],
    ['KmsDisabled', 'AccessDenied'],
    ['InvalidAccessKeyId', 'Credentials'],
    ['InvalidParameterException', 'InvalidInput'],
    ['InternalErrorException', 'Unavailable'],
    ['OperationAborted', 'Unavailable'],
    ['ServiceUnavailable', 'Unavailable'],
  ])('named %s is %s, and names the destination', (name, code) => {
    const error = told(name, 'said so');
    expect(error).toMatchObject({ code, resource: QUEUE });
    expect(error.message).toContain('said so');
  });

  it('says what to create when it is gone', () => {
    expect(told('QueueDoesNotExist', 'The specified queue does not exist.')).toMatchObject({
      message: 'sqs:SendMessage failed: The specified queue does not exist.',
      fix: 'Create the queue.',
    });
  });

  it('says what to allow when it is denied', () => {
    const message = `User: arn:aws:sts::1:assumed-role/worker/x is not authorized to perform: sqs:sendmessage on resource: ${QUEUE} because no identity-based policy allows it`;
    expect(told('AccessDenied', message, 403).fix).toBe(
      `Allow sqs:sendmessage on ${QUEUE} for the worker's role.`,
    );
    expect(told('AccessDenied', 'Access Denied', 403).fix).toBe(
      `Allow sqs:SendMessage on ${QUEUE} for the worker's role.`,
    );
  });

  it('says which key to enable when it is the key', () => {
    expect(told('KmsDisabled', 'the key is disabled').fix).toContain(
      `Enable the KMS key of ${QUEUE} and allow kms:GenerateDataKey and kms:Decrypt`,
    );
  });

  it('passes on what is no failure of the service', () => {
    expect(translateDestinationError('odd', call)).toMatchObject({ code: 'Internal' });
  });
});
