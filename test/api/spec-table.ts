/**
 * What the schema takes and what it refuses, said once for everybody who checks a spec: `parseGroup` and a real API
 * server. `change` replaces top-level fields of a spec that is valid; undefined removes one.
 */
export interface SpecCase {
  name: string;
  change?: Record<string, unknown>;
  metadata?: Record<string, unknown>;
  /** Part of the message. One text: both say it. Two: the API server has its own words for what a schema alone can say. */
  refused?: string | { edge: string; cluster: string };
}

export const ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders';
const KMS = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const ROLE = 'arn:aws:iam::123456789012:role/kcg';
const LOG = { log: {} };
const APP = { spec: { containers: [{ name: 'app', image: 'shop/orders:1' }] } };
const table = (settings: Record<string, unknown>, rest: Record<string, unknown> = {}) => ({
  checkpoints: { table: settings, ...rest },
});
const importFrom = (source: Record<string, unknown>) => ({ checkpoints: { importFrom: source } });
const FORM = 'is not in the right form; write for example';

export const VALID_SPEC = { stream: { name: 'orders' }, handler: LOG };

/** A whole group: `change` and `metadata` on top of a valid one. */
export function groupOf({ change = {}, metadata = {} }: Pick<SpecCase, 'change' | 'metadata'>) {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'default', ...metadata },
    spec: { ...VALID_SPEC, ...change } as Record<string, unknown>,
  };
}

// oxfmt-ignore
const STREAM: SpecCase[] = [
  { name: 'the least: a stream and a handler' },
  { name: 'a stream by its ARN', change: { stream: { arn: ARN } } },
  { name: 'a stream of China', change: { stream: { arn: ARN.replace('aws', 'aws-cn').replace('eu-west', 'cn-north') } } },
  { name: 'a stream name with dots and underscores', change: { stream: { name: 'a.b_c-D1' } } },
  { name: 'no stream', change: { stream: undefined }, refused: { edge: 'spec.stream: is required', cluster: 'spec.stream: Required value' } },
  { name: 'a stream without name and arn', change: { stream: {} }, refused: 'set exactly one of name and arn' },
  { name: 'a stream with name and arn', change: { stream: { name: 'orders', arn: ARN } }, refused: 'set exactly one of name and arn' },
  { name: 'a stream name with a space', change: { stream: { name: 'or ders' } }, refused: { edge: FORM, cluster: 'spec.stream.name' } },
  { name: 'an empty stream name', change: { stream: { name: '' } }, refused: { edge: '0 characters is too little; write at least 1 character', cluster: 'spec.stream.name' } },
  { name: 'a stream name of 129 characters', change: { stream: { name: 'a'.repeat(129) } }, refused: { edge: 'write at most 128 characters', cluster: 'Too long: may not be more than 128' } },
  { name: 'the ARN of a queue', change: { stream: { arn: 'arn:aws:sqs:eu-west-1:123456789012:orders' } }, refused: { edge: FORM, cluster: 'spec.stream.arn' } },
  { name: 'a region', change: { region: 'us-gov-west-1' } },
  { name: 'the region of the ARN', change: { stream: { arn: ARN }, region: 'eu-west-1' } },
  { name: 'another region than the ARN', change: { stream: { arn: ARN }, region: 'us-east-1' }, refused: 'region is not the region in stream.arn' },
  { name: 'an availability zone as region', change: { region: 'eu-west-1a' }, refused: { edge: FORM, cluster: 'spec.region' } },
  { name: 'a role', change: { aws: { roleArn: ROLE } } },
  { name: 'a user in place of a role', change: { aws: { roleArn: ROLE.replace('role', 'user') } }, refused: { edge: FORM, cluster: 'spec.aws.roleArn' } },
  { name: 'endpoints', change: { endpoints: { kinesis: 'http://localhost:4566', dynamodb: 'https://ddb.internal/path' } } },
  { name: 'an endpoint without a scheme', change: { endpoints: { kinesis: 'localhost:4566' } }, refused: { edge: FORM, cluster: 'spec.endpoints.kinesis' } },
  { name: 'an endpoint by its IPv6 address', change: { endpoints: { kinesis: 'http://[fd00::23]:4567', dynamodb: 'https://[::1]/' } } },
  { name: 'an endpoint with brackets around no address', change: { endpoints: { kinesis: 'http://[fd00::23::1]:4567' } }, refused: 'the host is no IP address' },
  { name: 'an endpoint with an IPv4 address that there is not', change: { endpoints: { kinesis: 'http://10.0.0.256:4567' } }, refused: 'the host is no IP address' },
  { name: 'an endpoint with a port that does not exist', change: { endpoints: { kinesis: 'http://localhost:65536' } }, refused: { edge: FORM, cluster: 'spec.endpoints.kinesis' } },
  { name: 'an endpoint with a password', change: { endpoints: { kinesis: 'http://me:pass@localhost' } }, refused: { edge: FORM, cluster: 'spec.endpoints.kinesis' } },
];

// oxfmt-ignore
const IDENTITY: SpecCase[] = [
  { name: 'a group id', change: { groupId: 'shop.orders_v2-a' } },
  { name: 'a group id with a hash sign', change: { groupId: 'shop#orders' }, refused: { edge: FORM, cluster: 'spec.groupId' } },
  { name: 'a group id of 129 characters', change: { groupId: 'g'.repeat(129) }, refused: { edge: 'write at most 128', cluster: 'may not be more than 128' } },
  { name: 'a name of 63 characters', metadata: { name: 'n'.repeat(63) } },
  { name: 'a name of 64 characters', metadata: { name: 'n'.repeat(64) }, refused: { edge: 'metadata.name: 64 characters is too much', cluster: 'metadata.name has more than 63 characters' } },
  { name: 'a name in capitals', metadata: { name: 'Orders' }, refused: { edge: 'metadata.name', cluster: 'metadata.name' } },
  { name: 'a name that ends in a dash', metadata: { name: 'orders-' }, refused: { edge: 'metadata.name', cluster: 'metadata.name' } },
  { name: 'a name with two dots in a row', metadata: { name: 'a..b' }, refused: { edge: 'metadata.name', cluster: 'metadata.name' } },
  { name: 'an unknown field', change: { streem: {} }, refused: { edge: 'spec.streem: unknown field; did you mean stream?', cluster: 'spec.streem: field not declared in schema' } },
  { name: 'an unknown field deep down', change: { scaling: { scaleDown: { stabilisationSeconds: 3 } } }, refused: { edge: 'spec.scaling.scaleDown.stabilisationSeconds: unknown field; did you mean stabilizationSeconds?', cluster: 'spec.scaling.scaleDown.stabilisationSeconds: field not declared in schema' } },
];

// oxfmt-ignore
const READING: SpecCase[] = [
  { name: 'start at the latest record', change: { initialPosition: { type: 'Latest' } } },
  { name: 'start at a time', change: { initialPosition: { type: 'AtTimestamp', timestamp: '2026-11-23T08:00:00.5+01:00' } } },
  { name: 'start at a time that is not given', change: { initialPosition: { type: 'AtTimestamp' } }, refused: 'type AtTimestamp needs a timestamp, and no other type takes one' },
  { name: 'a timestamp that is not used', change: { initialPosition: { timestamp: '2026-11-23T08:00:00Z' } }, refused: 'type AtTimestamp needs a timestamp, and no other type takes one' },
  { name: 'a timestamp without a zone', change: { initialPosition: { type: 'AtTimestamp', timestamp: '2026-11-23T08:00:00' } }, refused: { edge: FORM, cluster: 'spec.initialPosition.timestamp' } },
  { name: 'the oldest time', change: { initialPosition: { type: 'AtTimestamp', timestamp: '1970-01-01T01:00:00+01:00' } } },
  { name: 'a time before 1970', change: { initialPosition: { type: 'AtTimestamp', timestamp: '1970-01-01T00:00:00+01:00' } }, refused: 'timestamp is before 1970' },
  { name: 'the time that Go calls zero', change: { initialPosition: { type: 'AtTimestamp', timestamp: '0001-01-01T00:00:00Z' } }, refused: 'timestamp is before 1970' },
  { name: 'the 30th of February', change: { initialPosition: { type: 'AtTimestamp', timestamp: '2026-02-30T08:00:00Z' } }, refused: { edge: 'has a day that does not exist', cluster: 'spec.initialPosition.timestamp' } },
  { name: 'the 13th month', change: { initialPosition: { type: 'AtTimestamp', timestamp: '2026-13-01T08:00:00Z' } }, refused: { edge: 'has a day that does not exist', cluster: 'spec.initialPosition.timestamp' } },
  { name: 'a position in AWS capitals', change: { initialPosition: { type: 'TRIM_HORIZON' } }, refused: { edge: 'is not one of TrimHorizon, Latest, AtTimestamp; did you mean TrimHorizon?', cluster: 'Unsupported value: "TRIM_HORIZON": supported values: "TrimHorizon", "Latest", "AtTimestamp"' } },
  { name: 'a consumer tuned', change: { consumer: { type: 'Polling', maxRecords: 1, pollIntervalMillis: 200 } } },
  { name: 'too many records per read', change: { consumer: { maxRecords: 10_001 } }, refused: { edge: '10001 is too much; write at most 10000', cluster: 'should be less than or equal to 10000' } },
  { name: 'polling faster than AWS allows', change: { consumer: { pollIntervalMillis: 199 } }, refused: { edge: '199 is too little; write at least 200', cluster: 'should be greater than or equal to 200' } },
  { name: 'a fraction of a record', change: { consumer: { maxRecords: 1.5 } }, refused: { edge: 'has to be a whole number, not 1.5', cluster: 'spec.consumer.maxRecords' } },
  { name: 'a number as text', change: { consumer: { maxRecords: '5' } }, refused: { edge: 'has to be a whole number, not "5"', cluster: 'spec.consumer.maxRecords' } },
  { name: 'enhanced fan-out', change: { consumer: { type: 'EnhancedFanOut' } } },
  { name: 'enhanced fan-out with a consumer of a name', change: { consumer: { type: 'EnhancedFanOut', name: 'orders' } } },
  { name: 'a consumer name while polling', change: { consumer: { name: 'orders' } }, refused: 'name belongs to type EnhancedFanOut' },
];

// oxfmt-ignore
const CHECKPOINTS: SpecCase[] = [
  { name: 'everything about the table', change: table({ name: 'positions', management: 'Managed', adoption: 'Always', billing: { mode: 'Provisioned', readCapacityUnits: 5, writeCapacityUnits: 5 }, tags: { team: 'shop', 'cost center': 'größe+1@x' }, deletionProtection: true, pointInTimeRecovery: true, encryption: { kmsKeyArn: KMS }, tableClass: 'StandardInfrequentAccess' }, { intervalSeconds: 10, deletionPolicy: 'Retain' }) },
  { name: 'an external table', change: table({ management: 'External' }) },
  { name: 'an external table with tags', change: table({ management: 'External', tags: { a: 'b' } }), refused: 'management is External, so kcg changes no table setting' },
  { name: 'an external table with protection off', change: table({ management: 'External', deletionProtection: false }), refused: 'management is External, so kcg changes no table setting' },
  { name: 'a table name of two letters', change: table({ name: 'ab' }), refused: { edge: 'write at least 3 characters', cluster: 'spec.checkpoints.table.name' } },
  { name: 'a table name with a slash', change: table({ name: 'a/b/c' }), refused: { edge: FORM, cluster: 'spec.checkpoints.table.name' } },
  { name: 'billing on demand', change: table({ billing: { mode: 'OnDemand' } }) },
  { name: 'billing on demand with units', change: table({ billing: { mode: 'OnDemand', readCapacityUnits: 1 } }), refused: 'readCapacityUnits and writeCapacityUnits belong to mode Provisioned' },
  { name: 'billing on demand with ceilings', change: table({ billing: { mode: 'OnDemand', maxReadRequestUnits: 100, maxWriteRequestUnits: -1 } }) },
  { name: 'a ceiling of nothing', change: table({ billing: { mode: 'OnDemand', maxReadRequestUnits: 0 } }), refused: 'a ceiling of 0 lets nobody in' },
  { name: 'a ceiling with provisioned billing', change: table({ billing: { mode: 'Provisioned', readCapacityUnits: 1, writeCapacityUnits: 1, maxWriteRequestUnits: 5 } }), refused: 'maxReadRequestUnits and maxWriteRequestUnits belong to mode OnDemand' },
  { name: 'provisioned billing with half the units', change: table({ billing: { mode: 'Provisioned', readCapacityUnits: 1 } }), refused: 'readCapacityUnits and writeCapacityUnits belong to mode Provisioned' },
  { name: 'billing without a mode', change: table({ billing: {} }), refused: { edge: 'spec.checkpoints.table.billing.mode: is required', cluster: 'spec.checkpoints.table.billing.mode: Required value' } },
  { name: 'a tag of AWS', change: table({ tags: { 'aws:x': 'y' } }), refused: 'tag keys that start with aws: or kcg.dev/' },
  { name: 'a tag of AWS in capitals', change: table({ tags: { 'AWS:x': 'y' } }), refused: 'tag keys that start with aws: or kcg.dev/' },
  { name: 'a tag of kcg', change: table({ tags: { 'kcg.dev/group': 'y' } }), refused: 'tag keys that start with aws: or kcg.dev/' },
  { name: 'a tag key with an exclamation mark', change: table({ tags: { 'a!': 'y' } }), refused: 'a tag key has 1 to 128' },
  { name: 'a tag key of 129 characters', change: table({ tags: { ['k'.repeat(129)]: 'y' } }), refused: 'a tag key has 1 to 128' },
  { name: 'a tag value with a star', change: table({ tags: { a: 'b*' } }), refused: { edge: 'AWS does not allow in tags', cluster: 'spec.checkpoints.table.tags.a' } },
  { name: 'a tag that is a number', change: table({ tags: { a: 5 } }), refused: { edge: 'spec.checkpoints.table.tags.a: has to be a string, not 5', cluster: 'spec.checkpoints.table.tags.a' } },
  { name: '40 tags', change: table({ tags: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'v'])) }) },
  { name: '41 tags', change: table({ tags: Object.fromEntries(Array.from({ length: 41 }, (_, i) => [`k${i}`, 'v'])) }), refused: { edge: 'has more than 40 tags', cluster: 'must have at most 40 items' } },
  { name: "DynamoDB's own key", change: table({ encryption: { awsKey: 'Owned' } }) },
  { name: 'two keys at once', change: table({ encryption: { awsKey: 'Managed', kmsKeyArn: KMS } }), refused: 'set one of kmsKeyArn, for a key of your own, and awsKey' },
  { name: 'encryption without a key', change: table({ encryption: {} }), refused: 'set one of kmsKeyArn, for a key of your own, and awsKey' },
  { name: 'a KMS key by its bare id', change: table({ encryption: { kmsKeyArn: '1234abcd' } }), refused: { edge: FORM, cluster: 'kmsKeyArn' } },
  { name: 'positions of KCL', change: importFrom({ type: 'KCL', table: 'orders-app' }) },
  { name: 'positions of Redpanda Connect, which knows the stream by its ARN', change: importFrom({ type: 'RedpandaConnect', table: 'redpanda', stream: ARN }) },
  { name: 'positions in Redis', change: importFrom({ type: 'AsyncKinesis', url: 'rediss://redis.shop:6379/0', passwordSecretRef: { name: 'redis' }, group: 'orders' }) },
  { name: 'positions of a mapping', change: importFrom({ type: 'EventSourceMapping', processedUntil: '2026-11-29T08:00:00Z', overlapSeconds: 0 }) },
  { name: 'positions of whom', change: importFrom({ type: 'Kafka', table: 'orders-app' }), refused: { edge: '"Kafka" is not one of KCL', cluster: 'Unsupported value: "Kafka"' } },
  { name: 'positions from nowhere', change: importFrom({ type: 'KCL' }), refused: 'set exactly one of table and url' },
  { name: 'positions from two places', change: importFrom({ type: 'AsyncKinesis', table: 'orders', url: 'redis://redis' }), refused: 'set exactly one of table and url' },
  { name: 'a mapping with a table', change: importFrom({ type: 'EventSourceMapping', table: 'orders', processedUntil: '2026-11-29T08:00:00Z' }), refused: 'set exactly one of table and url' },
  { name: 'a mapping without a time', change: importFrom({ type: 'EventSourceMapping' }), refused: 'EventSourceMapping needs processedUntil' },
  { name: 'KCL with a time', change: importFrom({ type: 'KCL', table: 'orders-app', overlapSeconds: 5 }), refused: 'EventSourceMapping needs processedUntil' },
  { name: 'KCL in Redis', change: importFrom({ type: 'KCL', url: 'redis://redis' }), refused: 'only AsyncKinesis keeps positions in Redis' },
  { name: 'a password for a table', change: importFrom({ type: 'KCL', table: 'orders-app', passwordSecretRef: { name: 'redis' } }), refused: 'passwordSecretRef is the password of Redis' },
  { name: 'a password in the URL', change: importFrom({ type: 'AsyncKinesis', url: 'redis://kcg:secret@redis' }), refused: { edge: FORM, cluster: 'should match' } },
  { name: "positions of the group's own table", change: { checkpoints: { table: { name: 'orders-app' }, importFrom: { type: 'AsyncKinesis', table: 'orders-app' } } }, refused: 'importFrom.table is the table of the group itself' },
  { name: 'expire', change: { checkpoints: { deletionPolicy: 'Expire', expireAfterDays: 7 } } },
  { name: 'expire, nobody knows when', change: { checkpoints: { deletionPolicy: 'Expire' } }, refused: 'deletionPolicy Expire needs expireAfterDays' },
  { name: 'retain, for some days', change: { checkpoints: { expireAfterDays: 7 } }, refused: 'deletionPolicy Expire needs expireAfterDays' },
  { name: 'delete', change: { checkpoints: { deletionPolicy: 'Delete' } } },
  { name: 'delete a protected table', change: table({ deletionProtection: true }, { deletionPolicy: 'Delete' }), refused: 'deletionPolicy Delete needs a Managed table without deletionProtection' },
  { name: "delete somebody else's table", change: table({ management: 'External' }, { deletionPolicy: 'Delete' }), refused: 'deletionPolicy Delete needs a Managed table without deletionProtection' },
  { name: 'checkpoints all the time', change: { checkpoints: { intervalSeconds: 0 } }, refused: { edge: '0 is too little; write at least 1', cluster: 'should be greater than or equal to 1' } },
  { name: 'leases tuned', change: { leases: { durationSeconds: 5, handoffTimeoutSeconds: 900, maxPerWorker: 10 } } },
  { name: 'leases of four seconds', change: { leases: { durationSeconds: 4 } }, refused: { edge: '4 is too little; write at least 5', cluster: 'should be greater than or equal to 5' } },
  { name: 'a hand-off of a thousand seconds', change: { leases: { handoffTimeoutSeconds: 1000 } }, refused: { edge: '1000 is too much; write at most 900', cluster: 'should be less than or equal to 900' } },
];

// oxfmt-ignore
const SCALING: SpecCase[] = [
  { name: 'workers by shards', change: { scaling: { mode: 'ShardCount', shardsPerWorker: 4, minReplicas: 0, maxReplicas: 10, scaleDown: { stabilizationSeconds: 0 } } } },
  { name: 'a fixed number of workers', change: { scaling: { mode: 'Fixed', replicas: 3 } } },
  { name: 'an autoscaler', change: { scaling: { mode: 'External', replicas: 1 } } },
  { name: 'an autoscaler without a number to start from', change: { scaling: { mode: 'External' } } },
  { name: 'a number left by an autoscaler', change: { scaling: { mode: 'ShardCount', replicas: 3 } } },
  { name: 'a lag target without the mode', change: { scaling: { targetLagSeconds: 60 } } },
  { name: 'the mode without a lag target', change: { scaling: { mode: 'Lag' } }, refused: 'scaling.mode Lag needs targetLagSeconds' },
  { name: 'a floor by day and a ceiling by night', change: { scaling: { schedules: [{ name: 'day', timeZone: 'Europe/Berlin', start: '0 8 * * MON-FRI', end: '0 18 * * 1-5', minReplicas: 4 }, { name: 'night', start: '30 22 * * *', end: '0 5 * * *', maxReplicas: 2 }] } } },
  { name: 'a schedule that sets nothing', change: { scaling: { schedules: [{ name: 'day', start: '0 8 * * *', end: '0 18 * * *' }] } }, refused: 'a schedule sets minReplicas, maxReplicas or both' },
  { name: 'a schedule with more at least than at most', change: { scaling: { schedules: [{ name: 'day', start: '0 8 * * *', end: '0 18 * * *', minReplicas: 3, maxReplicas: 2 }] } }, refused: 'minReplicas of a schedule is greater than its maxReplicas' },
  { name: 'a schedule that ends as it starts', change: { scaling: { schedules: [{ name: 'day', start: '0 8 * * *', end: '0 8 * * *', minReplicas: 3 }] } }, refused: 'start and end of a schedule are the same' },
  { name: 'a schedule of four fields', change: { scaling: { schedules: [{ name: 'day', start: '0 8 * *', end: '0 18 * * *', minReplicas: 3 }] } }, refused: { edge: FORM, cluster: 'spec.scaling.schedules[0].start' } },
  { name: 'a schedule with an offset for a time zone', change: { scaling: { schedules: [{ name: 'day', timeZone: '+02:00', start: '0 8 * * *', end: '0 18 * * *', minReplicas: 3 }] } }, refused: { edge: FORM, cluster: 'spec.scaling.schedules[0].timeZone' } },
  { name: 'more at least than at most', change: { scaling: { minReplicas: 5, maxReplicas: 4 } }, refused: 'minReplicas is greater than maxReplicas' },
  { name: 'more at least than the default at most', change: { scaling: { minReplicas: 101 } }, refused: 'minReplicas is greater than maxReplicas' },
  { name: 'an unknown mode', change: { scaling: { mode: 'Shards' } }, refused: { edge: '"Shards" is not one of ShardCount, Lag, Fixed, External', cluster: 'Unsupported value: "Shards"' } },
  { name: 'a paused group', change: { desiredState: 'Paused' } },
  { name: 'a stopped group', change: { desiredState: 'Stopped' } },
  { name: 'a running group, badly spelt', change: { desiredState: 'running' }, refused: { edge: 'did you mean Running?', cluster: 'Unsupported value: "running"' } },
];

// oxfmt-ignore
const HANDLER: SpecCase[] = [
  { name: 'http with everything by default', change: { handler: { http: {} }, template: APP } },
  { name: 'http with everything said', change: { handler: { http: { container: 'app', port: 3000, path: '/kinesis?v=1' }, batchSize: 500, batchWindowSeconds: 5 }, template: APP } },
  { name: 'http without a template', change: { handler: { http: {} } }, refused: 'handler.http.container is not the name of a container' },
  { name: 'http to a container that is not there', change: { handler: { http: { container: 'web' } }, template: APP }, refused: 'handler.http.container is not the name of a container' },
  { name: 'http to port 0', change: { handler: { http: { port: 0 } }, template: APP }, refused: { edge: '0 is too little', cluster: 'should be greater than or equal to 1' } },
  { name: 'http to the port of the worker', change: { handler: { http: { port: 8085 } }, template: APP }, refused: "port 8085 is the worker's own in the pod" },
  { name: 'http to a path without a slash', change: { handler: { http: { path: 'kinesis' } }, template: APP }, refused: { edge: FORM, cluster: 'spec.handler.http.path' } },
  { name: 'a function with everything by default', change: { handler: { lambda: {} }, template: APP } },
  { name: 'a function with everything said', change: { handler: { lambda: { container: 'app', command: ['python3', '-m', 'awslambdaric', 'app.handler'], port: 9002 } }, template: APP } },
  { name: 'a function without a template', change: { handler: { lambda: {} } }, refused: 'handler.lambda.container is not the name of a container' },
  { name: 'a function in a container that is not there', change: { handler: { lambda: { container: 'web' } }, template: APP }, refused: 'handler.lambda.container is not the name of a container' },
  { name: 'a function on the port of the worker', change: { handler: { lambda: { port: 8085 } }, template: APP }, refused: "port 8085 is the worker's own in the pod" },
  { name: 'a function with a command of nothing', change: { handler: { lambda: { command: [] } }, template: APP }, refused: { edge: 'spec.handler.lambda.command', cluster: 'spec.handler.lambda.command' } },
  { name: 'a module in the image', change: { handler: { module: { path: '/app/handler.mjs' } }, template: APP } },
  { name: 'a module next to the group file', change: { handler: { module: { path: './handler.ts' } } } },
  { name: 'a module in a folder up', change: { handler: { module: { path: '../src/handler.ts' } } } },
  { name: 'a module of a container that is not there', change: { handler: { module: { container: 'web', path: '/app/handler.mjs' } }, template: APP }, refused: 'handler.module.container is not the name of a container' },
  { name: 'a Lambda function by its name', change: { handler: { module: { path: '/app/app.mjs', export: 'lambdaHandler' } }, template: APP } },
  { name: 'an export that cannot be', change: { handler: { module: { path: '/app/app.mjs', export: 'app.handler' } }, template: APP }, refused: 'spec.handler.module.export' },
  { name: 'newline-delimited JSON, compressed', change: { handler: { log: {}, format: 'JsonLines', compression: 'Auto' } } },
  { name: 'a format that is not there', change: { handler: { log: {}, format: 'json' } }, refused: 'spec.handler.format' },
  { name: 'a format for a program that decodes itself', change: { handler: { exec: { container: 'app', command: ['a'] }, format: 'Json' }, template: APP }, refused: 'a program of exec gets the data as it is' },
  { name: 'a module without a path', change: { handler: { module: {} } }, refused: { edge: 'spec.handler.module.path: is required; set it to a string', cluster: 'spec.handler.module.path: Required value' } },
  { name: 'no handler', change: { handler: undefined }, refused: { edge: 'spec.handler: is required', cluster: 'spec.handler: Required value' } },
  { name: 'a handler of no kind', change: { handler: {} }, refused: 'set exactly one of http, module, exec, lambda and log' },
  { name: 'a handler of two kinds', change: { handler: { log: {}, module: { path: '/a.mjs' } } }, refused: 'set exactly one of http, module, exec, lambda and log' },
  { name: 'a log handler with a level', change: { handler: { log: { level: 'debug' } } }, refused: { edge: 'spec.handler.log.level: unknown field; there are no fields here', cluster: 'spec.handler.log: Too many' } },
  { name: 'a batch of none', change: { handler: { log: {}, batchSize: 0 } }, refused: { edge: '0 is too little; write at least 1', cluster: 'should be greater than or equal to 1' } },
  { name: 'delivery policies', change: { handler: { log: {}, parallelizationFactor: 10, timeoutSeconds: 43_200, retry: { maxAttempts: 10_000, maxRecordAgeSeconds: 604_800, bisectOnError: true } } } },
  { name: 'no second attempt, no record older than a minute', change: { handler: { log: {}, timeoutSeconds: 1, retry: { maxAttempts: 0, maxRecordAgeSeconds: 60 } } } },
  { name: 'eleven batches at a time', change: { handler: { log: {}, parallelizationFactor: 11 } }, refused: { edge: '11 is too much; write at most 10', cluster: 'should be less than or equal to 10' } },
  { name: 'a record age that Lambda refuses', change: { handler: { log: {}, retry: { maxRecordAgeSeconds: 59 } } }, refused: 'maxRecordAgeSeconds is -1 (no limit) or at least 60' },
  { name: 'no time for the handler', change: { handler: { log: {}, timeoutSeconds: 0 } }, refused: { edge: '0 is too little; write at least 1', cluster: 'should be greater than or equal to 1' } },
  { name: 'more than twelve hours for the handler', change: { handler: { log: {}, timeoutSeconds: 43_201 } }, refused: { edge: '43201 is too much; write at most 43200', cluster: 'should be less than or equal to 43200' } },
  { name: 'a batch window of six minutes', change: { handler: { log: {}, batchWindowSeconds: 360 } }, refused: { edge: '360 is too much; write at most 300', cluster: 'should be less than or equal to 300' } },
  { name: 'any field of a pod', change: { template: { metadata: { labels: { a: 'b' } }, spec: { serviceAccountName: 'x', nodeSelector: { a: 'b' }, brandNew: [{ deep: 1 }], containers: [{ name: 'app', env: [{ name: 'A', value: 'b' }] }] } } } },
  { name: 'a container without a name', change: { template: { spec: { containers: [{ image: 'x' }] } } }, refused: { edge: 'spec.template.spec.containers[0].name: is required', cluster: 'name' } },
  { name: 'two containers of one name', change: { template: { spec: { containers: [{ name: 'app' }, { name: 'app' }] } } }, refused: { edge: 'two containers have the same name', cluster: 'app' } },
  { name: 'a grace period with a unit', change: { template: { spec: { terminationGracePeriodSeconds: '60s' } } }, refused: { edge: 'spec.template.spec.terminationGracePeriodSeconds: has to be a whole number, not "60s"', cluster: 'spec.template.spec.terminationGracePeriodSeconds' } },
  { name: 'a grace period', change: { template: { spec: { terminationGracePeriodSeconds: 60 } } } },
  { name: 'a label that is a number', change: { template: { metadata: { labels: { version: 2 } } } }, refused: { edge: 'spec.template.metadata.labels.version: has to be a string, not 2', cluster: 'spec.template.metadata.labels.version' } },
  { name: 'init containers as a map', change: { template: { spec: { initContainers: { migrate: { image: 'x' } } } } }, refused: { edge: 'spec.template.spec.initContainers: has to be a list', cluster: 'spec.template.spec.initContainers' } },
  { name: 'an environment as a map', change: { template: { spec: { containers: [{ name: 'app', env: { A: 'b' } }] } } }, refused: { edge: 'spec.template.spec.containers[0].env: has to be a list', cluster: 'env: expected list' } },
  { name: 'a container name in capitals', change: { template: { spec: { containers: [{ name: 'App' }] } } }, refused: { edge: FORM, cluster: 'spec.template.spec.containers[0].name' } },
];

// oxfmt-ignore
const DELIVERY: SpecCase[] = [
  { name: 'the defaults said aloud', change: { handler: { log: {}, parallelizationFactor: 1, retry: { maxAttempts: -1, maxRecordAgeSeconds: -1, bisectOnError: false }, onFailure: {} } } },
  { name: 'scaling by lag', change: { scaling: { mode: 'Lag', targetLagSeconds: 60 } } },
  { name: 'filters as JSON texts and as objects', change: { handler: { log: {}, filters: [{ pattern: '{"data":{"type":["buy"]}}' }, { pattern: { partitionKey: [{ prefix: 'vip-' }] } }] } } },
  { name: 'eleven filters', change: { handler: { log: {}, filters: Array.from({ length: 11 }, () => ({ pattern: { partitionKey: ['a'] } })) } }, refused: { edge: 'write at most 10 entries', cluster: 'must have at most 10 items' } },
  { name: 'a filter without a pattern', change: { handler: { log: {}, filters: [{}] } }, refused: { edge: 'spec.handler.filters[0].pattern: is required', cluster: 'spec.handler.filters[0].pattern: Required value' } },
];

const exec = (handler: object) => ({
  handler: { exec: { command: ['python3', 'app.py'] }, ...handler },
  template: APP,
});

// oxfmt-ignore
const EXEC: SpecCase[] = [
  { name: 'exec', change: exec({ batchSize: 1000, batchWindowSeconds: 1, timeoutSeconds: 60, filters: [{ pattern: { partitionKey: ['a'] } }] }) },
  { name: 'exec without a command', change: { handler: { exec: {} }, template: APP }, refused: { edge: 'spec.handler.exec.command: is required', cluster: 'spec.handler.exec.command: Required value' } },
  { name: 'exec with an empty command', change: { handler: { exec: { command: [] } }, template: APP }, refused: { edge: 'spec.handler.exec.command', cluster: 'spec.handler.exec.command' } },
  { name: 'exec in a container that is not there', change: { handler: { exec: { container: 'other', command: ['a'] } }, template: APP }, refused: 'handler.exec.container is not the name of a container' },
  { name: 'exec with lanes', change: exec({ parallelizationFactor: 2 }), refused: 'parallelizationFactor has to be 1 with handler.exec' },
  { name: 'exec with retries', change: exec({ retry: { maxAttempts: 3 } }), refused: 'retry has no effect with handler.exec' },
  { name: 'exec with an age', change: exec({ retry: { maxRecordAgeSeconds: 60 } }), refused: 'retry has no effect with handler.exec' },
  { name: 'exec with bisecting', change: exec({ retry: { bisectOnError: true } }), refused: 'retry has no effect with handler.exec' },
  { name: 'exec with a destination', change: exec({ onFailure: { sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' } } }), refused: 'onFailure has no effect with handler.exec' },
];

const failures = (onFailure: object) => ({ handler: { log: {}, onFailure } });

// oxfmt-ignore
const ON_FAILURE: SpecCase[] = [
  { name: 'failures to SQS', change: failures({ sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' } }) },
  { name: 'failures to a FIFO queue', change: failures({ sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed.fifo' } }) },
  { name: 'failures to the URL of a queue', change: failures({ sqs: { queueArn: 'https://sqs.eu-west-1.amazonaws.com/123456789012/failed' } }), refused: { edge: FORM, cluster: 'spec.handler.onFailure.sqs.queueArn' } },
  { name: 'failures to SNS', change: failures({ sns: { topicArn: 'arn:aws:sns:eu-west-1:123456789012:failed' } }) },
  { name: 'failures to a topic without its ARN', change: failures({ sns: {} }), refused: { edge: 'spec.handler.onFailure.sns.topicArn: is required', cluster: 'spec.handler.onFailure.sns.topicArn: Required value' } },
  { name: 'failures to S3', change: failures({ s3: { bucketArn: 'arn:aws:s3:::failed', prefix: 'orders/' } }) },
  { name: 'failures to keys that begin with a slash', change: failures({ s3: { bucketArn: 'arn:aws:s3:::failed', prefix: '/orders/' } }), refused: { edge: FORM, cluster: 'spec.handler.onFailure.s3.prefix' } },
  { name: 'failures to two places', change: failures({ s3: { bucketArn: 'arn:aws:s3:::failed' }, sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' } }), refused: 'set only one of sqs, sns and s3' },
  { name: 'endpoints of where failures go', change: { endpoints: { sqs: 'http://localhost:4566', sns: 'http://localhost:4566', s3: 'http://localhost:4566' } } },
  { name: 'an endpoint of S3 without a scheme', change: { endpoints: { s3: 'localhost:4566' } }, refused: { edge: FORM, cluster: 'spec.endpoints.s3' } },
];

// oxfmt-ignore
const NULLS: SpecCase[] = [
  { name: 'a section with a default left empty', change: { template: null, leases: null } },
  { name: 'a setting with a default left empty', change: { scaling: { mode: null } } },
  { name: 'a setting without a default left empty', change: { groupId: null }, refused: { edge: 'spec.groupId: is empty; set it to a string, or remove it', cluster: 'spec.groupId' } },
  { name: 'log left empty', change: { handler: { log: null } }, refused: { edge: 'spec.handler.log: is empty; set it to a map of fields, {} for none, or remove it', cluster: 'spec.handler.log' } },
  { name: 'a second handler left empty', change: { handler: { log: {}, http: null } }, refused: { edge: 'spec.handler.http: is empty', cluster: 'spec.handler.http' } },
  { name: 'the hour 24', change: { initialPosition: { type: 'AtTimestamp', timestamp: '2026-11-23T24:00:00Z' } }, refused: { edge: 'is not in the right form', cluster: 'spec.initialPosition.timestamp' } },
];

export const SPEC_TABLE: readonly SpecCase[] = [
  ...STREAM,
  ...IDENTITY,
  ...READING,
  ...CHECKPOINTS,
  ...SCALING,
  ...HANDLER,
  ...DELIVERY,
  ...EXEC,
  ...ON_FAILURE,
  ...NULLS,
];

/** What may change on a group that exists; only the API server can tell. */
export interface UpdateCase {
  name: string;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
  refused?: string;
}

// oxfmt-ignore
export const UPDATE_TABLE: readonly UpdateCase[] = [
  { name: 'another stream', before: {}, after: { stream: { name: 'others' } }, refused: 'the stream of a group cannot change' },
  { name: 'the same stream by its ARN', before: {}, after: { stream: { arn: ARN } }, refused: 'the stream of a group cannot change' },
  { name: 'another group id', before: { groupId: 'a' }, after: { groupId: 'b' }, refused: 'groupId cannot be changed, added or removed' },
  { name: 'a group id added', before: {}, after: { groupId: 'b' }, refused: 'groupId cannot be changed, added or removed' },
  { name: 'a group id removed', before: { groupId: 'a' }, after: {}, refused: 'groupId cannot be changed, added or removed' },
  { name: 'another region', before: { region: 'eu-west-1' }, after: { region: 'eu-west-2' }, refused: 'region cannot change once it is set' },
  { name: 'a role added', before: {}, after: { aws: { roleArn: ROLE } }, refused: 'aws cannot be added or removed' },
  { name: 'a role removed', before: { aws: { roleArn: ROLE } }, after: {}, refused: 'aws cannot be added or removed' },
  { name: 'a role of another account', before: { aws: { roleArn: ROLE } }, after: { aws: { roleArn: ROLE.replace('1', '9') } }, refused: 'aws cannot be added or removed' },
  { name: 'another role of the account', before: { aws: { roleArn: ROLE } }, after: { aws: { roleArn: `${ROLE}-2` } } },
  { name: 'a region removed', before: { region: 'eu-west-1' }, after: {}, refused: 'region cannot change once it is set' },
  { name: 'a region added', before: {}, after: { region: 'eu-west-1' } },
  { name: 'another table', before: { checkpoints: { table: { name: 'first' } } }, after: { checkpoints: { table: { name: 'second' } } }, refused: 'the table of a group cannot be changed, added or removed' },
  { name: 'a table name added', before: {}, after: { checkpoints: { table: { name: 'restored' } } }, refused: 'the table of a group cannot be changed, added or removed' },
  { name: 'a table name removed', before: { checkpoints: { table: { name: 'first' } } }, after: {}, refused: 'the table of a group cannot be changed, added or removed' },
  { name: 'the same table with other settings', before: { checkpoints: { table: { name: 'first' } } }, after: { checkpoints: { intervalSeconds: 9, table: { name: 'first', pointInTimeRecovery: true } } } },
  { name: 'a pause', before: { groupId: 'a', region: 'eu-west-1' }, after: { groupId: 'a', region: 'eu-west-1', desiredState: 'Paused' } },
  { name: 'another handler', before: {}, after: { handler: { http: {} }, template: APP } },
  { name: 'from shards to an autoscaler', before: {}, after: { scaling: { mode: 'External', replicas: 2 } } },
  { name: 'from an autoscaler to shards', before: { scaling: { mode: 'External', replicas: 2 } }, after: {} },
  { name: 'from an autoscaler to shards with the number it left', before: { scaling: { mode: 'External', replicas: 2 } }, after: { scaling: { replicas: 2 } } },
  { name: 'a number by hand beside shards', before: {}, after: { scaling: { replicas: 3 } }, refused: 'scaling.mode is ShardCount: the operator sets the number of workers' },
  { name: 'the advice of a refused policy Delete', before: { checkpoints: { table: { deletionProtection: true } } }, after: { checkpoints: { table: { deletionProtection: true }, deletionPolicy: 'Expire', expireAfterDays: 7 } } },
];
