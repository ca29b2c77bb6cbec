import * as z from 'zod';
import { DNS_SUBDOMAIN, REDIS_URL, SECRET_KEY, TABLE_NAME, text, TIMESTAMP } from './formats.ts';
import { withRules } from './rule.ts';

const printable = (example: string) => text(/^[\x21-\x7e]+$/, { max: 512, example });

const passwordSecretRef = z.strictObject({
  name: text(DNS_SUBDOMAIN, { max: 253, example: 'redis' }).describe(
    'Secret in the namespace of the group; the operator needs the right to get it.',
  ),
  key: text(SECRET_KEY, { max: 253, example: 'password' })
    .default('password')
    .describe('Key of the password in the Secret.'),
});

const BY_TIME = 'EventSourceMapping';
const REDIS = 'AsyncKinesis';

export const importSpec = withRules(
  z.strictObject({
    type: z
      .enum(['KCL', REDIS, 'VmwareGoKcl', 'RedpandaConnect', 'KinesisConsumer', BY_TIME])
      .describe(
        "Whose positions. KCL: 1, 2 and 3, also MultiLang, Spark and Logstash. AsyncKinesis: DynamoDB (table) or Redis (url). VmwareGoKcl: vmware-go-kcl 1 and 2. RedpandaConnect: its input aws_kinesis, also Benthos'. KinesisConsumer: harlow/kinesis-consumer, also Telegraf's input kinesis_consumer. EventSourceMapping: a Lambda function's, by time.",
      ),
    table: text(TABLE_NAME, { min: 3, max: 255, example: 'orders-app' })
      .optional()
      .describe(
        "The other consumer's DynamoDB table, in the account and region of the group. It is read, never written.",
      ),
    url: text(REDIS_URL, { max: 512, example: 'rediss://redis.shop:6379/0' })
      .optional()
      .describe('AsyncKinesis only: URL of Redis. It has no password: that is in passwordSecretRef.'),
    passwordSecretRef: passwordSecretRef.optional().describe('With url only: the password of Redis.'),
    stream: printable('arn:aws:kinesis:eu-west-1:123456789012:stream/orders')
      .optional()
      .describe(
        'The stream as the other consumer is configured with it, where that is not its name: RedpandaConnect may know it by its ARN.',
      ),
    group: printable('orders-app')
      .optional()
      .describe(
        'Name of the application or group of the other consumer, where the table holds several, or its keys have it.',
      ),
    processedUntil: text(TIMESTAMP, { max: 40, example: '2026-11-29T08:00:00Z' })
      .optional()
      .describe(
        'EventSourceMapping only: everything that came before it was processed. When the mapping was disabled, less its last IteratorAge.',
      ),
    overlapSeconds: z
      .int()
      .min(0)
      .max(604_800)
      .optional()
      .describe(
        'EventSourceMapping only: how much before processedUntil reading begins; it comes twice. Unset: 60.',
      ),
  }),
  [
    {
      cel: `self.type == '${BY_TIME}' ? !has(self.table) && !has(self.url) : has(self.table) != has(self.url)`,
      holds: ({ type, table, url }) =>
        type === BY_TIME
          ? table === undefined && url === undefined
          : (table === undefined) !== (url === undefined),
      message:
        'set exactly one of table and url, and neither with EventSourceMapping, whose positions are in no table',
    },
    {
      cel: `(self.type == '${BY_TIME}') == has(self.processedUntil) && (self.type == '${BY_TIME}' || !has(self.overlapSeconds))`,
      holds: ({ type, processedUntil, overlapSeconds }) =>
        (type === BY_TIME) === (processedUntil !== undefined) &&
        (type === BY_TIME || overlapSeconds === undefined),
      message:
        'EventSourceMapping needs processedUntil, and no other type takes it or overlapSeconds: a table tells positions',
    },
    {
      cel: `!has(self.url) || self.type == '${REDIS}'`,
      holds: ({ type, url }) => url === undefined || type === REDIS,
      message: 'only AsyncKinesis keeps positions in Redis; set table',
      path: 'url',
    },
    {
      cel: '!has(self.passwordSecretRef) || has(self.url)',
      holds: ({ passwordSecretRef, url }) => passwordSecretRef === undefined || url !== undefined,
      message: 'passwordSecretRef is the password of Redis, and belongs to url',
      path: 'passwordSecretRef',
    },
  ],
);

export type ImportSpec = z.output<typeof importSpec>;
