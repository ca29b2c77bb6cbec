import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import * as formats from '../../src/api/formats.ts';

type Name = Exclude<keyof typeof formats, 'text'>;
const PATTERNS: Record<Name, RegExp> = formats;
const ACCOUNT = '123456789012';

const TABLE: Record<Name, { takes: string[]; refuses: string[] }> = {
  SHARD_ID: { takes: ['shardId-000000000000', 'shard_1.a'], refuses: ['', 'a b', 'group#claim'] },
  SEQUENCE_NUMBER: { takes: ['0', '4959'], refuses: ['', '12a', '-1', 'TRIM_HORIZON'] },
  RESET_ID: { takes: ['0b7c5f0e-6d5c-4a52-9d7b-2f1f5f0f3c11', 'k7'], refuses: ['', 'a#b', 'A'] },
  REGION: {
    takes: ['eu-west-1', 'us-gov-east-1', 'ap-southeast-5', 'eusc-de-east-1'],
    refuses: ['eu-west-1a', 'EU-WEST-1', 'europe', ''],
  },
  EXPORT_NAME: { takes: ['handler', '_a$1', 'händler'], refuses: ['', '1a', 'a.b', 'a-b'] },
  CRON: {
    takes: ['0 8 * * *', '*/15 8-18 * * MON-FRI', '0 0 L * *', '0,30 6 1 1,7 1#2'],
    refuses: ['0 8 * *', '0 8 * * * *', '@daily', ' 0 8 * * *', '0  8 * * *', '0 8 * * ?'],
  },
  TIME_ZONE: {
    takes: ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'],
    refuses: ['', '+02:00', 'Europe/', '../etc', 'Europe/Berlin '],
  },
  STREAM_NAME: { takes: ['a', 'A.b_c-9'], refuses: ['', 'a b', 'a/b', 'ä'] },
  STREAM_ARN: {
    takes: [
      `arn:aws:kinesis:eu-west-1:${ACCOUNT}:stream/a.b`,
      `arn:aws-us-gov:kinesis:us-gov-west-1:${ACCOUNT}:stream/a`,
    ],
    refuses: [
      `arn:aws:kinesis:eu-west-1:${ACCOUNT}:stream/`,
      `arn:aws:kinesis:eu-west-1:1:stream/a`,
      `arn:aws:kinesis:eu-west-1:${ACCOUNT}:stream/a/consumer/b:1`,
    ],
  },
  KMS_KEY_ARN: {
    takes: [`arn:aws:kms:eu-west-1:${ACCOUNT}:key/a-1`, `arn:aws:kms:eu-west-1:${ACCOUNT}:alias/my/key`],
    refuses: ['alias/key', `arn:aws:kms:eu-west-1:${ACCOUNT}:a`],
  },
  ROLE_ARN: {
    takes: [
      `arn:aws:iam::${ACCOUNT}:role/kcg`,
      `arn:aws-cn:iam::${ACCOUNT}:role/teams/shop/kcg+a=b,c.d@e_f-g`,
    ],
    refuses: [
      'kcg',
      `arn:aws:iam::${ACCOUNT}:user/kcg`,
      `arn:aws:iam::${ACCOUNT}:role/`,
      `arn:aws:iam::${ACCOUNT}:role/*`,
    ],
  },
  SQS_QUEUE_ARN: {
    takes: [`arn:aws:sqs:eu-west-1:${ACCOUNT}:q.fifo`],
    refuses: [`arn:aws:sqs:eu-west-1:${ACCOUNT}:q.other`, 'https://sqs/q'],
  },
  SNS_TOPIC_ARN: {
    takes: [`arn:aws:sns:eu-west-1:${ACCOUNT}:t`],
    refuses: [`arn:aws:sns:eu-west-1:${ACCOUNT}:t/u`],
  },
  S3_BUCKET_ARN: {
    takes: ['arn:aws:s3:::my.bucket-1'],
    refuses: ['arn:aws:s3:::My', 'arn:aws:s3:::ab', 'my-bucket'],
  },
  S3_PREFIX: { takes: ['orders/', "a/b_c-d.e!*'(1)"], refuses: ['/orders', 'a b/', 'a?b', ''] },
  TABLE_NAME: { takes: ['abc', 'a.b-c_D'], refuses: ['a/b', 'a:b'] },
  GROUP_ID: { takes: ['shop.orders', '0'], refuses: ['.a', '-a', 'a#b', ''] },
  ENDPOINT: {
    takes: [
      'http://localhost:4566',
      'https://kinesis.eu-west-1.amazonaws.com',
      'http://10.0.0.1/',
      'http://a',
      'http://[fd00::23]:4567',
      'http://a:65535',
    ],
    refuses: [
      'http://[fd00::23',
      'http://fd00::23',
      'http://a:65536',
      'http://a:0',
      'localhost',
      'ftp://a',
      'http://u:p@a',
      'http://a?b',
      'http://a:123456',
      'http://',
    ],
  },
  ENDPOINT_HOST: {
    takes: [
      'http://localhost:4566',
      'https://10.0.0.255/path',
      'http://10.0.0.256.internal',
      'http://1a',
      'http://[::]',
      'http://[::1]/',
      'http://[fd00::23]:4567',
      'http://[1:2:3:4:5:6:7:8]',
      'http://[1:2:3:4:5:6:7::]',
      'http://[::2:3:4:5:6:7:8]',
      'http://[1::3:4:5:6:7:8]',
      'http://[1:2:3:4:5:6::8]',
      'http://[1:2:3::FFFF:8]',
    ],
    refuses: [
      'http://10.0.0.256',
      'http://10.0.1',
      'http://a.b.1:80',
      'http://[:]',
      'http://[fd00::23::1]:4567',
      'http://[1:2:3:4:5:6:7]',
      'http://[1:2:3:4:5:6:7:8:9]',
      'http://[1::2:3:4:5:6:7:8]',
      'http://[fd000::1]',
      'http://[:1]',
      'http://[1:]',
    ],
  },
  DNS_LABEL: { takes: ['a', 'a-1'], refuses: ['a.b', '-a', 'a-', 'A'] },
  DNS_SUBDOMAIN: { takes: ['a', 'a-1.b'], refuses: ['a..b', 'a.', '.a', 'a.-b', 'A'] },
  TIMESTAMP: {
    takes: ['2026-11-23T08:00:00Z', '2026-11-23T08:00:00.123456789+05:30'],
    refuses: [
      '2026-11-23',
      '2026-11-23T08:00:00',
      '2026-11-23T24:00:00Z',
      '2026-11-23 08:00:00Z',
      '2026-11-23T08:60:00Z',
    ],
  },
  MODULE_PATH: {
    takes: ['/app/handler.mjs', './handler.ts', '../a.ts', 'handler.ts', '/täst/x y.mjs'],
    refuses: ['', '/', './', '/a\nb'],
  },
  REDIS_URL: {
    takes: ['redis://localhost', 'rediss://kcg@redis.shop:6380/12', 'redis://[fd00::1]:6379'],
    refuses: ['redis://kcg:secret@redis', 'http://redis', 'redis://redis/db', 'redis://', 'redis://redis:0'],
  },
  SECRET_KEY: { takes: ['password', 'redis.password_1'], refuses: ['', 'a/b', 'a b'] },
  TAG_TEXT: { takes: ['', 'größe 1', 'a+b-c=d.e_f:g/h@i'], refuses: ['a*', 'a!', 'a,b'] },
};

describe.for(Object.entries(TABLE))('%s', ([name, { takes, refuses }]) => {
  const pattern = PATTERNS[name as Name];
  // What the API server runs.
  const re2 = RE2JS.compile(pattern.source);

  test.for(takes)('takes %j', (text) => {
    expect([pattern.test(text), re2.matches(text)]).toEqual([true, true]);
  });
  test.for(refuses)('refuses %j', (text) => {
    expect([pattern.test(text), re2.matches(text)]).toEqual([false, false]);
  });
});
