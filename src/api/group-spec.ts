import * as z from 'zod';
import { awsSpec } from './aws-spec.ts';
import { disruptionBudgetSpec } from './disruption-budget-spec.ts';
import { ENDPOINT, ENDPOINT_HOST, GROUP_ID, REGION, text } from './formats.ts';
import { handlerSpec } from './handler-spec.ts';
import { importSpec } from './import-spec.ts';
import { rangeSpec } from './range-spec.ts';
import { withRules } from './rule.ts';
import { scalingSpec } from './scaling-spec.ts';
import { consumerSpec, initialPositionSpec, isRegionOfStream, streamSpec } from './stream-spec.ts';
import { tableSpec } from './table-spec.ts';
import { templateSpec } from './template-spec.ts';

const endpoint = withRules(text(ENDPOINT, { max: 512, example: 'http://localhost:4566' }), [
  {
    // Kubernetes 1.30 has isIP, and refuses a CustomResourceDefinition that asks for it.
    // What is no URL at all is complained of as that.
    cel: `!self.startsWith('http') || self.matches(r'${ENDPOINT_HOST.source}')`,
    holds: (url) => !url.startsWith('http') || ENDPOINT_HOST.test(url),
    message: 'the host is no IP address; write for example http://[fd00::23]:4566 or http://10.0.0.23:4566',
  },
]);

const checkpoints = withRules(
  z.strictObject({
    intervalSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(5)
      .describe(
        'Least time between two writes of the position of a shard; it is also written when the shard is handed over or ends. What was processed after the last write is delivered again after a crash.',
      ),
    table: tableSpec.prefault({}).describe('The DynamoDB table of the leases and checkpoints.'),
    importFrom: importSpec
      .optional()
      .describe(
        'Another consumer of the stream, whose positions the group begins with. Used once, before the first worker is started, when the group has no position yet; after that it has no effect, and may be changed or removed. The other consumer has to be stopped first.',
      ),
    deletionPolicy: z
      .enum(['Retain', 'Expire', 'Delete'])
      .default('Retain')
      .describe(
        'What happens to the positions when the group is deleted. Retain: they stay. Expire: they go after expireAfterDays. Delete: they go at once, with the table when kcg created it for this group alone.',
      ),
    expireAfterDays: z
      .int()
      .min(1)
      .max(3650)
      .optional()
      .describe('Expire only: days until the positions go.'),
  }),
  [
    {
      cel: "(self.deletionPolicy == 'Expire') == has(self.expireAfterDays)",
      holds: ({ deletionPolicy, expireAfterDays }) =>
        (deletionPolicy === 'Expire') === (expireAfterDays !== undefined),
      message:
        'deletionPolicy Expire needs expireAfterDays, and no other policy takes it: set both or neither',
    },
    {
      cel: '!has(self.importFrom) || !has(self.importFrom.table) || !has(self.table.name) || self.importFrom.table != self.table.name',
      holds: ({ importFrom, table }) => importFrom?.table === undefined || importFrom.table !== table.name,
      message:
        'importFrom.table is the table of the group itself: name a table of its own in table.name, or remove importFrom to use an async-kinesis table in place (table.adoption: Always)',
      path: 'importFrom.table',
    },
    {
      cel: "self.deletionPolicy != 'Delete' || (self.table.management == 'Managed' && !(has(self.table.deletionProtection) && self.table.deletionProtection))",
      holds: ({ deletionPolicy, table }) =>
        deletionPolicy !== 'Delete' || (table.management === 'Managed' && table.deletionProtection !== true),
      message:
        'deletionPolicy Delete needs a Managed table without deletionProtection; use Retain, or Expire with expireAfterDays, or change the table',
      path: 'deletionPolicy',
    },
  ],
);

const leases = z.strictObject({
  durationSeconds: z
    .int()
    .min(5)
    .max(300)
    .default(15)
    .describe(
      'A worker that has not been heard of for this long loses its shards. Shorter: faster failover, more writes.',
    ),
  handoffTimeoutSeconds: z
    .int()
    .min(1)
    .max(900)
    .default(30)
    .describe(
      'How long a worker that gives a shard away may finish what it has begun; also sets the grace period of the pods.',
    ),
  maxPerWorker: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Most shards one worker takes; scaling counts with no more either. Unset: no limit.'),
});

export const groupSpec = withRules(
  z.strictObject({
    groupId: text(GROUP_ID, { max: 128, example: 'shop.orders' })
      .optional()
      .describe(
        'Identity of the group in the table; its positions belong to it. Default: <namespace>.<name>. Cannot be changed, added or removed later.',
      ),
    stream: streamSpec.describe('The stream to read; exactly one of name and arn. Cannot be changed later.'),
    region: text(REGION, { max: 32, example: 'eu-west-1' })
      .optional()
      .describe(
        "AWS region of the stream and the table. Default: the region of stream.arn, else the operator's default. Cannot be changed once set.",
      ),
    aws: awsSpec
      .optional()
      .describe(
        "As whom the operator calls AWS. Unset: with its own credentials. Cannot be added or removed later, and a change keeps the role's account.",
      ),
    endpoints: z
      .strictObject({
        kinesis: endpoint.optional().describe('URL of Kinesis.'),
        dynamodb: endpoint.optional().describe('URL of DynamoDB.'),
        sqs: endpoint.optional().describe('URL of SQS, for handler.onFailure.sqs; workers only.'),
        sns: endpoint.optional().describe('URL of SNS, for handler.onFailure.sns; workers only.'),
        s3: endpoint
          .optional()
          .describe('URL of S3, for handler.onFailure.s3; workers only. Buckets are named in the path.'),
      })
      .prefault({})
      .describe(
        'Other addresses of the AWS services, for emulators and VPC endpoints; used by the operator and the workers.',
      ),
    initialPosition: initialPositionSpec
      .prefault({})
      .describe('Where to start in shards that have no checkpoint; it has no effect on the others.'),
    range: rangeSpec
      .optional()
      .describe(
        'Read this part of the stream and no more: the group is Complete when all of it is processed, and its pods go. With it, initialPosition is range.from. Cannot be changed, added or removed later.',
      ),
    consumer: consumerSpec.prefault({}).describe('How records are read from the stream.'),
    checkpoints: checkpoints.prefault({}).describe('How and where positions are kept.'),
    leases: leases.prefault({}).describe('How workers own shards.'),
    scaling: scalingSpec.prefault({}).describe('How many workers run.'),
    disruptionBudget: disruptionBudgetSpec
      .prefault({})
      .describe('Who says how many worker pods may be evicted at a time.'),
    handler: handlerSpec.describe(
      'What gets the records; exactly one of http, module, exec, lambda and log.',
    ),
    desiredState: z
      .enum(['Running', 'Shadow', 'Paused', 'Stopped'])
      .default('Running')
      .describe(
        'Shadow: records are read and counted, and handed to no handler unless handler.harmless is true; positions are kept apart from those of Running. Paused: the pods stay, the leases are released and nothing is read. Stopped: no pods.',
      ),
    template: templateSpec
      .prefault({})
      .describe('Pod template of the workers, with any field a pod has. handler.log needs none.'),
  }),
  [
    {
      cel: "!has(self.region) || !has(self.stream.arn) || self.stream.arn.split(':').size() < 6 || self.stream.arn.split(':')[3] == self.region",
      holds: isRegionOfStream,
      message: 'region is not the region in stream.arn; remove region or make them equal',
      path: 'region',
    },
    {
      cel: '!has(self.handler.http) || (has(self.template.spec) && has(self.template.spec.containers) && self.template.spec.containers.exists(c, c.name == self.handler.http.container))',
      holds: ({ handler: { http }, template: { spec } }) =>
        http === undefined || (spec?.containers ?? []).some(({ name }) => name === http.container),
      message:
        'handler.http.container is not the name of a container in template.spec.containers; add the container or name another',
      path: 'handler.http.container',
    },
    {
      cel: '!has(self.handler.module) || !has(self.template.spec) || !has(self.template.spec.containers) || self.template.spec.containers.exists(c, c.name == self.handler.module.container)',
      holds: ({ handler: { module }, template: { spec } }) =>
        module === undefined ||
        spec?.containers === undefined ||
        spec.containers.some(({ name }) => name === module.container),
      message:
        'handler.module.container is not the name of a container in template.spec.containers; add the container or name another',
      path: 'handler.module.container',
    },
    {
      cel: '!has(self.handler.lambda) || (has(self.template.spec) && has(self.template.spec.containers) && self.template.spec.containers.exists(c, c.name == self.handler.lambda.container))',
      holds: ({ handler: { lambda }, template: { spec } }) =>
        lambda === undefined || (spec?.containers ?? []).some(({ name }) => name === lambda.container),
      message:
        'handler.lambda.container is not the name of a container in template.spec.containers; add the container or name another',
      path: 'handler.lambda.container',
    },
    {
      cel: '!has(self.handler.exec) || !has(self.template.spec) || !has(self.template.spec.containers) || self.template.spec.containers.exists(c, c.name == self.handler.exec.container)',
      holds: ({ handler: { exec }, template: { spec } }) =>
        exec === undefined ||
        spec?.containers === undefined ||
        spec.containers.some(({ name }) => name === exec.container),
      message:
        'handler.exec.container is not the name of a container in template.spec.containers; add the container or name another',
      path: 'handler.exec.container',
    },
    {
      cel: "!has(self.range) || self.initialPosition.type == 'TrimHorizon'",
      holds: ({ range, initialPosition }) => range === undefined || initialPosition.type === 'TrimHorizon',
      message: 'range.from says where to begin: remove initialPosition',
      path: 'initialPosition',
    },
  ],
  [
    {
      cel: 'has(self.groupId) == has(oldSelf.groupId) && (!has(self.groupId) || self.groupId == oldSelf.groupId)',
      message:
        'groupId cannot be changed, added or removed: the positions in the table belong to it; create another group instead',
      path: 'groupId',
    },
    {
      cel: 'has(self.range) == has(oldSelf.range) && (!has(self.range) || self.range == oldSelf.range)',
      message:
        'range cannot be changed, added or removed: what was read counts as processed; create another group with another range',
      path: 'range',
    },
    {
      cel: '!has(oldSelf.region) || (has(self.region) && self.region == oldSelf.region)',
      message:
        'region cannot change once it is set: the stream and the table are in it; create another group instead',
      path: 'region',
    },
    {
      cel: "has(self.aws) == has(oldSelf.aws) && (!has(self.aws) || self.aws.roleArn.split(':')[4] == oldSelf.aws.roleArn.split(':')[4])",
      message:
        'aws cannot be added or removed, nor can its role be of another account: the table is in the account it was made in; create another group instead',
      path: 'aws',
    },
  ],
);

/** A valid spec with all defaults applied. */
export type GroupSpec = z.output<typeof groupSpec>;
/** A spec as people write it. */
export type GroupSpecInput = z.input<typeof groupSpec>;
