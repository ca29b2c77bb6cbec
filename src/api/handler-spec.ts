import * as z from 'zod';
import {
  DNS_LABEL,
  EXPORT_NAME,
  MODULE_PATH,
  S3_BUCKET_ARN,
  S3_PREFIX,
  SNS_TOPIC_ARN,
  SQS_QUEUE_ARN,
  text,
} from './formats.ts';
import { filtersSpec } from './filters-spec.ts';
import { compressionSpec, formatSpec } from './payload-spec.ts';
import { withRules } from './rule.ts';
import { WORKER_PORT } from './worker-config.ts';

const container = text(DNS_LABEL, { max: 63, example: 'app' }).default('app');

const moduleHandler = z.strictObject({
  container: container.describe('Container of the template whose image has the module.'),
  path: text(MODULE_PATH, {
    max: 1024,
    example: '/app/handler.mjs',
  }).describe(
    'The module: absolute inside the image (/app/handler.mjs); for "kcg dev" also relative to the group file (./handler.ts).',
  ),
  export: text(EXPORT_NAME, { max: 128, example: 'lambdaHandler' })
    .optional()
    .describe(
      'Name of the export that is a Lambda function (event, context). Unset: the default export, which takes a batch, else a Lambda function named handler.',
    ),
});

const httpHandler = withRules(
  z.strictObject({
    container: container.describe('Container of the template that answers the requests.'),
    port: z.int().min(1).max(65_535).default(8080).describe('Port the container listens on.'),
    path: text(/^\/[^\s#]*$/, { max: 1024, example: '/' })
      .default('/')
      .describe('Path that batches are posted to.'),
  }),
  [
    {
      cel: `self.port != ${WORKER_PORT}`,
      holds: ({ port }) => port !== WORKER_PORT,
      message: `port ${WORKER_PORT} is the worker's own in the pod; let the container listen on another`,
      path: 'port',
    },
  ],
);

const lambdaHandler = withRules(
  z.strictObject({
    container: container.describe('Container of the template that runs the function.'),
    command: z
      .array(z.string().min(1).max(4096))
      .min(1)
      .max(64)
      .optional()
      .describe(
        'For "kcg dev" alone: the program that runs the function and its arguments, as a list. In a pod the container’s own command runs.',
      ),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .default(9001)
      .describe('Port on which the worker serves the Runtime API inside the pod.'),
  }),
  [
    {
      cel: `self.port != ${WORKER_PORT}`,
      holds: ({ port }) => port !== WORKER_PORT,
      message: `port ${WORKER_PORT} is the worker's own in the pod; choose another for the Runtime API`,
      path: 'port',
    },
  ],
);

const execHandler = z.strictObject({
  container: container.describe('Container of the template whose image has the program.'),
  command: z
    .array(z.string().min(1).max(4096))
    .min(1)
    .max(64)
    .describe('The program and its arguments, as a list; no shell is involved.'),
});

const retry = withRules(
  z.strictObject({
    maxAttempts: z
      .int()
      .min(-1)
      .max(10_000)
      .default(-1)
      .describe(
        'How often a failed batch is tried again before it is given up and goes to onFailure; -1: until it works, the shard waits. Splitting a batch does not count.',
      ),
    maxRecordAgeSeconds: z
      .int()
      .min(-1)
      .max(604_800)
      .default(-1)
      .describe(
        'Records older than this are given up and go to onFailure, whether they have been tried or not: 60 to 604800; -1: no limit.',
      ),
    bisectOnError: z
      .boolean()
      .default(false)
      .describe('Split a batch that fails in two, until the record that fails is alone.'),
  }),
  [
    {
      cel: 'self.maxRecordAgeSeconds == -1 || self.maxRecordAgeSeconds >= 60',
      holds: ({ maxRecordAgeSeconds }) => maxRecordAgeSeconds === -1 || maxRecordAgeSeconds >= 60,
      message: 'maxRecordAgeSeconds is -1 (no limit) or at least 60',
      path: 'maxRecordAgeSeconds',
    },
  ],
);

const onFailure = withRules(
  z.strictObject({
    sqs: z
      .strictObject({
        queueArn: text(SQS_QUEUE_ARN, {
          max: 512,
          example: 'arn:aws:sqs:eu-west-1:123456789012:failed',
        }).describe('The queue; one whose name ends in .fifo gets the batches of a shard in order.'),
      })
      .optional()
      .describe('A message for each batch to an SQS queue: where its records are, not the records.'),
    sns: z
      .strictObject({
        topicArn: text(SNS_TOPIC_ARN, {
          max: 512,
          example: 'arn:aws:sns:eu-west-1:123456789012:failed',
        }).describe('The topic; one whose name ends in .fifo gets the batches of a shard in order.'),
      })
      .optional()
      .describe('A message for each batch to an SNS topic: where its records are, not the records.'),
    s3: z
      .strictObject({
        bucketArn: text(S3_BUCKET_ARN, { max: 512, example: 'arn:aws:s3:::failed' }).describe(
          'The bucket, in any region.',
        ),
        prefix: text(S3_PREFIX, { max: 256, example: 'orders/' })
          .optional()
          .describe('What keys begin with, before aws/lambda/<group id>/<shard id>/….'),
      })
      .optional()
      .describe('An object for each batch in an S3 bucket, with the records.'),
  }),
  [
    {
      cel: '[has(self.sqs), has(self.sns), has(self.s3)].filter(given, given).size() <= 1',
      holds: ({ sqs, sns, s3 }) => [sqs, sns, s3].filter((given) => given !== undefined).length <= 1,
      message: 'set only one of sqs, sns and s3',
    },
  ],
);

export const handlerSpec = withRules(
  z.strictObject({
    http: httpHandler
      .optional()
      .describe("Any language: batches are posted to a container of the pod, as AWS Lambda's Kinesis event."),
    module: moduleHandler
      .optional()
      .describe('TypeScript or JavaScript: a function called in the worker process.'),
    lambda: lambdaHandler
      .optional()
      .describe(
        'Functions for AWS Lambda, unchanged: the container asks for batches by the Runtime API, with the client that its image has.',
      ),
    exec: execHandler
      .optional()
      .describe(
        "A program written for KCL's MultiLangDaemon, unchanged and without Java: one process for each shard, which checkpoints itself.",
      ),
    log: z.strictObject({}).optional().describe('Built in: counts records and logs them; needs no image.'),
    batchSize: z.int().min(1).max(10_000).default(100).describe('Most records in a batch.'),
    batchWindowSeconds: z
      .int()
      .min(0)
      .max(300)
      .default(0)
      .describe('How long to wait for a batch to fill; 0: hand over what there is.'),
    format: formatSpec,
    compression: compressionSpec,
    filters: filtersSpec,
    parallelizationFactor: z
      .int()
      .min(1)
      .max(10)
      .default(1)
      .describe('Batches of a shard that are processed at once; records of one partition key stay in order.'),
    timeoutSeconds: z
      .int()
      .min(1)
      .max(43_200)
      .default(900)
      .describe(
        'How long the handler may take for a batch; then it is told to stop, and the batch has failed.',
      ),
    harmless: z
      .boolean()
      .default(false)
      .describe(
        'What the handler does can be done beside another consumer of the same records: with desiredState Shadow it gets them, too.',
      ),
    retry: retry.prefault({}).describe('What happens to a batch that fails.'),
    onFailure: onFailure
      .prefault({})
      .describe(
        'Where batches go that were given up. Until they are there the shard waits. Unset: they are logged, counted and gone.',
      ),
  }),
  [
    {
      cel: '[has(self.http), has(self.module), has(self.exec), has(self.lambda), has(self.log)].filter(given, given).size() == 1',
      holds: ({ http, module, exec, lambda, log }) =>
        [http, module, exec, lambda, log].filter((given) => given !== undefined).length === 1,
      message: 'set exactly one of http, module, exec, lambda and log',
    },
    {
      cel: "!has(self.exec) || (self.format == 'Bytes' && self.compression == 'None')",
      holds: ({ exec, format, compression }) =>
        exec === undefined || (format === 'Bytes' && compression === 'None'),
      message:
        'a program of exec gets the data as it is: remove format and compression, and let the program decode it',
      path: 'format',
    },
    {
      cel: '!has(self.exec) || self.parallelizationFactor == 1',
      holds: ({ exec, parallelizationFactor }) => exec === undefined || parallelizationFactor === 1,
      message:
        'parallelizationFactor has to be 1 with handler.exec: a program has one process for each shard, and gets one batch after the other',
      path: 'parallelizationFactor',
    },
    {
      cel: '!has(self.exec) || (self.retry.maxAttempts == -1 && self.retry.maxRecordAgeSeconds == -1 && !self.retry.bisectOnError)',
      holds: ({ exec, retry: { maxAttempts, maxRecordAgeSeconds, bisectOnError } }) =>
        exec === undefined || (maxAttempts === -1 && maxRecordAgeSeconds === -1 && !bisectOnError),
      message:
        'retry has no effect with handler.exec: a program cannot say that a batch failed, and what it does not checkpoint comes again; remove it',
      path: 'retry',
    },
    {
      cel: '!has(self.exec) || !(has(self.onFailure.sqs) || has(self.onFailure.sns) || has(self.onFailure.s3))',
      holds: ({ exec, onFailure: { sqs, sns, s3 } }) =>
        exec === undefined || (sqs ?? sns ?? s3) === undefined,
      message:
        'onFailure has no effect with handler.exec: nothing is given up, as what a program does not checkpoint comes again; remove it',
      path: 'onFailure',
    },
  ],
);
