import { describe, expect, it } from 'vitest';
import type { AwsCall } from '../../src/aws/call.ts';
import { translateAwsError } from '../../src/aws/errors.ts';

const CALL: AwsCall = {
  action: 'kinesis:DescribeStreamSummary',
  resource: 'stream orders in eu-west-1',
  principal: "the worker's role",
};
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/0d1e';
const ROLE = 'arn:aws:iam::123456789012:role/reader';

/** As the SDK throws it: an Error with more properties. */
function thrown(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name, ...more });
}

const told = (error: Error, call: Partial<AwsCall> = {}) => translateAwsError(error, { ...CALL, ...call });

describe('a role that STS does not give', () => {
  it.each(['AccessDenied', 'AccessDeniedException'])('is a matter of its trust policy (%s)', (name) => {
    const message = 'Not authorized to perform sts:AssumeRoleWithWebIdentity';
    expect(told(thrown(name, message, { $metadata: { httpStatusCode: 403 } }))).toMatchObject({
      code: 'Credentials',
      message: `kinesis:DescribeStreamSummary was not tried, as STS did not give the role: ${message}`,
      fix: expect.stringContaining(
        "the trust policy of the worker's role allow sts:AssumeRoleWithWebIdentity to the pod's service account",
      ),
    });
  });

  it.each([
    ['InvalidIdentityToken', 'No OpenIDConnect provider found in your account for https://oidc.eks.example'],
    ['InvalidIdentityTokenException', 'Incorrect token audience'],
    ['IDPRejectedClaimException', 'the claim was rejected'],
  ])('needs the OIDC provider of the cluster (%s: %s)', (name, message) => {
    expect(told(thrown(name, message))).toMatchObject({
      code: 'Credentials',
      fix: expect.stringMatching(/OIDC provider .* account of the worker's role, .* trust policy/),
    });
  });

  it('needs a token of the service account that is not out of date', () => {
    const message = 'Token expired: current date/time 2 must be before the expiration date/time 1';
    expect(told(thrown('ExpiredTokenException', message))).toMatchObject({
      code: 'Credentials',
      fix: expect.stringContaining('kubelet renews the token'),
    });
  });

  it('is the role of the message when one role assumes another', () => {
    const message = `User: arn:aws:iam::1:user/me is not authorized to perform: sts:AssumeRole on resource: ${ROLE}`;
    expect(told(thrown('AccessDenied', message))).toMatchObject({
      code: 'Credentials',
      fix: `Let the trust policy of ${ROLE} allow sts:AssumeRole to the caller, and a policy of the caller, too.`,
    });
  });

  it('can be had later when the identity provider is out of reach', () => {
    const error = thrown('IDPCommunicationErrorException', 'no answer', {
      $metadata: { httpStatusCode: 400 },
    });
    expect(told(error)).toMatchObject({ code: 'Unavailable', fix: undefined });
  });
});

const THEIRS = 'arn:aws:kinesis:eu-west-1:222222222222:stream/orders';

describe('a denied call', () => {
  it.each([
    [`kms:Decrypt on resource: ${KEY} because no identity-based policy allows it`, `kms:Decrypt on ${KEY}`],
    [`kms:Decrypt on resource: ${KEY}.`, `kms:Decrypt on ${KEY}`],
    ['kms:Decrypt', 'kms:Decrypt'],
    ['kinesis:DescribeStreamSummary', 'kinesis:DescribeStreamSummary on stream orders in eu-west-1'],
    ['dynamodb:ListTables on resource: *', 'dynamodb:ListTables on *'],
  ])('needs what AWS names: %s', (what, allowed) => {
    const message = `User: arn:aws:sts::1:assumed-role/reader/x is not authorized to perform: ${what}`;
    expect(told(thrown('AccessDeniedException', message))).toMatchObject({
      code: 'AccessDenied',
      fix: `Allow ${allowed} for the worker's role.`,
    });
  });

  it('of a stream of another account needs a policy of the stream', () => {
    const message = `User: arn:aws:sts::1:assumed-role/reader/x is not authorized to perform: kinesis:ListShards on resource: ${THEIRS} because no resource-based policy allows the kinesis:ListShards action`;
    expect(told(thrown('AccessDeniedException', message))).toMatchObject({
      code: 'AccessDenied',
      fix: `Allow kinesis:ListShards on ${THEIRS} for the worker's role, in the policy of that resource.`,
    });
  });

  it('needs what was called where AWS names nothing', () => {
    expect(told(thrown('AccessDeniedException', 'no'))).toMatchObject({
      fix: "Allow kinesis:DescribeStreamSummary on stream orders in eu-west-1 for the worker's role.",
    });
  });
});

describe('a connection that fails', () => {
  it.each([
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'CERT_HAS_EXPIRED',
    'INVALID_CA',
  ])('for its certificate is told as that (%s)', (code) => {
    expect(told(thrown('Error', 'no', { code }))).toMatchObject({
      code: 'Unavailable',
      message: `the AWS endpoint has a certificate that is not trusted (${code})`,
      fix: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });

  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EPROTO',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_TLS_HANDSHAKE_TIMEOUT',
    'ERR_SOCKET_CONNECTION_TIMEOUT',
    'ERR_STREAM_PREMATURE_CLOSE',
  ])('for the network is told as that (%s)', (code) => {
    expect(told(thrown('Error', 'no', { code }))).toMatchObject({
      code: 'Unavailable',
      message: `the AWS endpoint cannot be reached (${code})`,
    });
  });
});

it.each(['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_URL', 'ERR_INVALID_CHAR', 'ERR_OUT_OF_RANGE'])(
  'a call that Node refuses to make (%s) is no matter of the network',
  (code) => {
    expect(told(thrown('TypeError', 'no such thing', { code }))).toMatchObject({
      code: 'Internal',
      message: `kinesis:DescribeStreamSummary failed: no such thing (${code})`,
      fix: undefined,
    });
  },
);

it('a token that is not there yet is a matter of credentials', () => {
  const path = '/var/run/secrets/eks.amazonaws.com/serviceaccount/token';
  const message = `ENOENT: no such file or directory, open '${path}'`;
  expect(told(thrown('Error', message, { code: 'ENOENT', path }))).toMatchObject({
    code: 'Credentials',
    message: expect.stringContaining(message),
    fix: expect.stringContaining('eks.amazonaws.com/role-arn'),
  });
});

describe('a region that is not the endpoint’s', () => {
  it.each([
    ["Credential should be scoped to a valid region, not 'us-east-1'. ", 'eu-west-1', 'us-east-1'],
    ['Credential should be scoped to a valid Region.', 'eu-west-1', 'eu-west-1'],
  ])('is named, as AWS names it or as the call knows it: %s', (message, region, named) => {
    const error = thrown('InvalidSignatureException', message);
    expect(told(error, { region, endpoint: 'https://vpce-1.kinesis.eu-west-3.example' })).toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining('another region than that of vpce-1.kinesis.eu-west-3.example:443'),
      fix: `Correct the region ${named} (spec.region, or AWS_REGION), or the endpoint.`,
    });
  });
});

it.each([
  ['kinesis:ListShards', 'a Kinesis endpoint'],
  ['dynamodb:Query', 'a DynamoDB endpoint'],
])('an answer to %s that is no answer of AWS asks for %s', (action, endpoint) => {
  const error = thrown('SyntaxError', 'Unexpected token <', { $metadata: { httpStatusCode: 404 } });
  expect(told(error, { action })).toMatchObject({
    code: 'Unavailable',
    fix: `Check that the endpoint is ${endpoint}, and what is in between.`,
  });
});

it.each([
  ['UnknownOperationException', 'UnknownError', 400, 'UnknownOperationException'],
  [
    'UnknownOperationException',
    'Tagging is not supported.',
    400,
    'UnknownOperationException: Tagging is not supported.',
  ],
  ['InternalFailure', 'not yet implemented', 501, 'InternalFailure: not yet implemented'],
])('an operation that an emulator lacks is told as that: %s, %s', (name, message, httpStatusCode, words) => {
  const error = thrown(name, message, { $metadata: { httpStatusCode } });
  expect(told(error, { action: 'dynamodb:TagResource', endpoint: 'http://dynamodb:8000' })).toMatchObject({
    code: 'Unsupported',
    message: `dynamodb:8000 does not know dynamodb:TagResource (${words})`,
    fix: expect.stringContaining('a DynamoDB endpoint'),
  });
});
