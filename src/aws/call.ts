import type { ErrorCode } from '../lib/errors.ts';

/** What was being done when the SDK threw, for words a user can act on. */
export interface AwsCall {
  /** IAM action: `kinesis:GetRecords`. */
  action: string;
  /** ARN where known, else words: `stream orders in eu-west-1`. */
  resource: string;
  /** Whose credentials are used: `the worker's role`. */
  principal: string;
  /** The endpoint override, if any. */
  endpoint?: string | undefined;
  /** What the call was signed for, where known. */
  region?: string | undefined;
}

const SERVICES: Record<string, string> = {
  kinesis: 'Kinesis',
  dynamodb: 'DynamoDB',
  sts: 'STS',
  sqs: 'SQS',
  sns: 'SNS',
  s3: 'S3',
};

/** As people call it. */
export function serviceOf({ action }: AwsCall): string {
  const prefix = action.split(':', 1)[0] ?? action;
  return SERVICES[prefix] ?? prefix;
}

/** What a failure of a call is told as. */
export interface Finding {
  code: ErrorCode;
  message: string;
  fix?: string;
}

/** What to do about a call that got no answer, as one sentence. */
export function reachability(call: AwsCall, host = hostOf(call)): string {
  const endpoint = call.endpoint === undefined ? '' : 'the endpoint, and ';
  return `Check ${endpoint}that ${host ?? "the region's endpoint"} can be reached from the pod: network policy, VPC endpoint, proxy.`;
}

/** `host:port` of the override; undefined without one, and the override itself when it is no URL. */
export function hostOf({ endpoint }: AwsCall): string | undefined {
  if (endpoint === undefined || !URL.canParse(endpoint)) return endpoint;
  const { host, port, protocol } = new URL(endpoint);
  return port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host;
}
