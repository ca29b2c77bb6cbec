/*
 * Names and addresses as AWS and Kubernetes write them. Every pattern is valid in RE2 too, because the API server runs
 * them as well (test/api/formats.test.ts holds that). Sources: the AWS API references of each service.
 */
import * as z from 'zod';

const PARTITION = 'aws[a-z-]{0,16}';
const ACCOUNT = '[0-9]{12}';

export const REGION = /^[a-z]{2,4}(-[a-z]{1,16}){1,3}-[0-9]{1,2}$/;
export const STREAM_NAME = /^[a-zA-Z0-9_.-]+$/;
export const STREAM_ARN = new RegExp(
  `^arn:${PARTITION}:kinesis:[a-z0-9-]{1,32}:${ACCOUNT}:stream/[a-zA-Z0-9_.-]{1,128}$`,
);
export const KMS_KEY_ARN = new RegExp(
  `^arn:${PARTITION}:kms:[a-z0-9-]{1,32}:${ACCOUNT}:(key|alias)/[a-zA-Z0-9/_-]{1,256}$`,
);
/** With the path, if it has one. */
export const ROLE_ARN = new RegExp(`^arn:${PARTITION}:iam::${ACCOUNT}:role/[a-zA-Z0-9+=,.@_/-]{1,512}$`);
export const SQS_QUEUE_ARN = new RegExp(
  `^arn:${PARTITION}:sqs:[a-z0-9-]{1,32}:${ACCOUNT}:[a-zA-Z0-9_-]{1,80}(\\.fifo)?$`,
);
export const SNS_TOPIC_ARN = new RegExp(
  `^arn:${PARTITION}:sns:[a-z0-9-]{1,32}:${ACCOUNT}:[a-zA-Z0-9_-]{1,256}(\\.fifo)?$`,
);
export const S3_BUCKET_ARN = new RegExp(`^arn:${PARTITION}:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`);
/** Characters that AWS calls safe in object keys. */
export const S3_PREFIX = /^[a-zA-Z0-9!_.*'()-][a-zA-Z0-9!_.*'()/-]*$/;
export const TABLE_NAME = /^[a-zA-Z0-9_.-]+$/;
export const GROUP_ID = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const HOST = '[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?';
/** What may stand between the brackets; whether it is an address takes more than a pattern. */
const IPV6 = '\\[[0-9a-fA-F:]{2,39}\\]';
const PORT = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
export const ENDPOINT = new RegExp(`^https?://(${HOST}|${IPV6})(:${PORT})?(/[a-zA-Z0-9._~/-]*)?$`);
const H = '[0-9a-fA-F]{1,4}';
const IPV6_ADDRESS = [
  `(${H}:){7}${H}`,
  ...[1, 2, 3, 4, 5, 6].map((before) => `(${H}:){1,${before}}(:${H}){1,${7 - before}}`),
  `(${H}:){1,7}:`,
  `:(:${H}){1,7}`,
  '::',
].join('|');
const BYTE = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
/** A label of digits alone at the end makes a host an address, as URLs have it. */
const NAMED_HOST = '([a-zA-Z0-9.-]*\\.)?[a-zA-Z0-9-]*[a-zA-Z-][a-zA-Z0-9-]*';
/** Of an ENDPOINT: its host is a name, or an address that there can be. */
export const ENDPOINT_HOST = new RegExp(
  `^https?://(\\[(${IPV6_ADDRESS})\\]|(${BYTE}\\.){3}${BYTE}|${NAMED_HOST})([:/].*)?$`,
);
/** Without a password, which would be readable by everybody who may read the group. */
export const REDIS_URL = new RegExp(
  `^rediss?://([a-zA-Z0-9_.-]{1,64}@)?(${HOST}|${IPV6})(:${PORT})?(/[0-9]{1,3})?$`,
);
export const SECRET_KEY = /^[a-zA-Z0-9._-]+$/;
export const DNS_LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
export const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
/** Five fields; which numbers each may hold takes more than a pattern. */
export const CRON = /^[0-9A-Za-z*,/#-]+( [0-9A-Za-z*,/#-]+){4}$/;
/** A name of the IANA time zone database; whether there is one of that name takes more than a pattern. */
export const TIME_ZONE = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/;
/** As Kinesis names shards; emulators have other digits. */
export const SHARD_ID = /^[a-zA-Z0-9_.-]+$/;
export const SEQUENCE_NUMBER = /^[0-9]+$/;
/** The uid of an object, or what the command line makes. */
export const RESET_ID = /^[a-z0-9-]+$/;
/** RFC 3339 with a zone; the day still has to exist. */
export const TIMESTAMP =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/;
/** A file: absolute, or relative to something; no control characters. */
export const MODULE_PATH = /^(\/|\.\.?\/)?[^/\p{Cc}]([^\p{Cc}]*[^/\p{Cc}])?$/u;
/** A name as JavaScript has them. */
export const EXPORT_NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;
/** Letters, numbers, spaces and + - = . _ : / @, as AWS allows in tag keys and values. */
export const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

interface Text {
  min?: number;
  max: number;
  /** What a right value looks like, for the message and the documentation. */
  example: string;
}

/** A bounded string with a pattern; the message names an example of what to write instead. */
export function text(pattern: RegExp, { min = 1, max, example }: Text) {
  const error = `is not in the right form; write for example ${example}`;
  return z.string().min(min).max(max).regex(pattern, { error });
}
