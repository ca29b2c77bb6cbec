import fc from 'fast-check';
import { parseGroup, type GroupSpec } from '../../src/api/group.ts';
import { groupObject } from './reconcile-harness.ts';
import { TROUBLES, type Trouble } from './walk-troubles.ts';

/*
 * Random specs, part by part. Each part is valid beside any other, so that a change is one part given anew, or taken out.
 */

export type Spec = Readonly<Record<string, unknown>>;

export interface Step {
  change: Spec;
  /** What does not work while the operator begins to follow. */
  trouble: Trouble | undefined;
  /** The operator is restarted while it follows. */
  restarts: boolean;
  /** Looks until the next step: many are enough to follow. */
  looks: number;
}

export interface Walk {
  first: Spec;
  steps: readonly Step[];
}

const of = fc.constantFrom;
/** With any of the fields, or without. */
const some = (fields: Record<string, fc.Arbitrary<unknown>>, ...always: string[]) =>
  fc.record(fields, { requiredKeys: always });

/** What a program is given as well. */
const batches = {
  batchSize: of(1, 100, 10_000),
  batchWindowSeconds: of(0, 5),
  timeoutSeconds: of(60, 900),
  harmless: fc.boolean(),
  filters: of([], [{ pattern: { data: { kind: ['paid'] } } }], [{ pattern: { partitionKey: ['a'] } }]),
};
const rest = {
  ...batches,
  parallelizationFactor: of(1, 4),
  format: of('Bytes', 'Json'),
  compression: of('None', 'Auto'),
  retry: some({ maxAttempts: of(-1, 3), maxRecordAgeSeconds: of(-1, 3_600), bisectOnError: fc.boolean() }),
  onFailure: of(
    {},
    { sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' } },
    { sns: { topicArn: 'arn:aws:sns:eu-west-1:123456789012:failed' } },
    { s3: { bucketArn: 'arn:aws:s3:::failed', prefix: 'orders/' } },
  ),
};
const handler = fc.oneof(
  some({ ...rest, log: of({}) }, 'log'),
  some({ ...rest, http: of({}, { port: 3000, path: '/batch' }) }, 'http'),
  some({ ...rest, module: of({ path: '/app/a.mjs' }, { path: '/app/b.mjs', export: 'run' }) }, 'module'),
  some({ ...rest, lambda: of({}, { port: 9002 }) }, 'lambda'),
  some({ ...batches, exec: of({ command: ['app'] }, { command: ['python3', 'app.py'] }) }, 'exec'),
);

const app = some({
  image: of('app:1', 'app:2'),
  env: of(
    [],
    [{ name: 'A', value: '1' }],
    [
      { name: 'B', value: '2' },
      { name: 'A', value: '$(B)' },
    ],
  ),
  ports: of([{ containerPort: 8080 }], [{ containerPort: 9090, name: 'metrics' }]),
  resources: of({ limits: { memory: '1Gi' } }),
}).map((fields) => ({ ...fields, name: 'app' }));
const template = some(
  {
    metadata: some({
      labels: of({}, { team: 'a' }, { team: 'b', tier: 'x' }),
      annotations: of(
        {},
        { note: '1' },
        { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'tmp' },
      ),
    }),
    spec: fc
      .record({
        app,
        beside: of([], [{ name: 'proxy', image: 'proxy:1' }], [{ name: 'worker', resources: {} }]),
        more: some({
          serviceAccountName: of('orders', 'payments'),
          terminationGracePeriodSeconds: of(10, 600),
          securityContext: of({ runAsUser: 0 }, { fsGroup: 1 }),
          volumes: of([{ name: 'tmp', emptyDir: {} }]),
          initContainers: of([{ name: 'kcg-install', resources: {} }], [{ name: 'first', image: 'first:1' }]),
        }),
      })
      .map(({ app, beside, more }) => ({ ...more, containers: [app, ...beside] })),
  },
  'spec',
);

const bounds = { minReplicas: of(0, 1, 3), maxReplicas: of(3, 4, 100), replicas: of(0, 1, 2, 5) };
const scaled = {
  ...bounds,
  shardsPerWorker: of(1, 2, 3),
  targetLagSeconds: of(30, 600),
  /** Far from where they open and close: a walk begins at 11:06. */
  schedules: of(
    [],
    [{ name: 'day', start: '0 8 * * *', end: '0 18 * * *', minReplicas: 2 }],
    [{ name: 'day', start: '0 8 * * *', end: '0 18 * * *', maxReplicas: 1 }],
    [{ name: 'night', start: '0 20 * * *', end: '0 23 * * *', minReplicas: 4 }],
  ),
};
// Short, so that walks are.
const scaleDown = of({ stabilizationSeconds: 0 }, { stabilizationSeconds: 20 });
const { replicas: _, ...byOperator } = scaled;
const scaling = fc.oneof(
  some({ ...byOperator, scaleDown, mode: of('ShardCount') }, 'scaleDown'),
  some({ ...byOperator, scaleDown, mode: of('Lag') }, 'scaleDown', 'mode', 'targetLagSeconds'),
  some({ ...scaled, scaleDown, mode: of('Fixed', 'External') }, 'scaleDown', 'mode'),
);

const settings = {
  tags: of({}, { team: 'a' }, { team: 'b', cost: 'x' }),
  billing: of(
    { mode: 'OnDemand' },
    { mode: 'OnDemand', maxReadRequestUnits: -1, maxWriteRequestUnits: 50 },
    { mode: 'Provisioned', readCapacityUnits: 5, writeCapacityUnits: 6 },
  ),
  pointInTimeRecovery: fc.boolean(),
  encryption: of({ awsKey: 'Owned' }, { kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/a' }),
  tableClass: of('Standard', 'StandardInfrequentAccess'),
  adoption: of('IfOurs', 'Always', 'Never'),
};
const deletionProtection = fc.boolean();
const intervalSeconds = of(1, 5, 60);
const checkpoints = fc.oneof(
  some({ intervalSeconds, table: some({ ...settings, deletionProtection }) }),
  some({ intervalSeconds, table: some({ ...settings, deletionProtection }) }).map((fields) => ({
    ...fields,
    deletionPolicy: 'Expire',
    expireAfterDays: 7,
  })),
  some({ intervalSeconds, table: some(settings) }).map((fields) => ({ ...fields, deletionPolicy: 'Delete' })),
  some({ intervalSeconds, table: of({ management: 'External' }) }, 'table'),
);

const ROLE = 'arn:aws:iam::222222222222:role';
/** Of the namespace; the last of the roles below is none of them. */
export const ALLOWED_ROLES = `${ROLE}/kcg-*`;
const aws = of(`${ROLE}/kcg-shop`, `${ROLE}/kcg-orders`, `${ROLE}/other`).map((roleArn) => ({ roleArn }));

/** Cannot be changed. */
type Fixed = 'groupId' | 'stream' | 'region' | 'range';
const parts = {
  handler,
  template,
  scaling,
  checkpoints,
  aws,
  desiredState: of('Running', 'Running', 'Shadow', 'Shadow', 'Paused', 'Stopped'),
  consumer: fc.oneof(
    some({ maxRecords: of(100, 10_000), pollIntervalMillis: of(200, 1_000) }),
    some({ type: of('EnhancedFanOut'), name: of('a', 'b') }, 'type'),
  ),
  leases: some({
    durationSeconds: of(10, 15, 60),
    handoffTimeoutSeconds: of(30, 300),
    maxPerWorker: of(1, 2),
  }),
  endpoints: some({
    kinesis: of('http://kinesis:4567', 'http://vpce:1'),
    dynamodb: of('http://dynamodb:8000', 'http://vpce:2'),
    sqs: of('http://sqs:9324'),
  }),
  disruptionBudget: of({}, { management: 'External' }),
  initialPosition: of({}, { type: 'Latest' }, { type: 'AtTimestamp', timestamp: '2026-01-01T00:00:00Z' }),
} satisfies Record<Exclude<keyof GroupSpec, Fixed>, fc.Arbitrary<unknown>>;
const ALWAYS = ['handler', 'template', 'aws'];
const taken = of(...Object.keys(parts).filter((part) => !ALWAYS.includes(part)));
/** Where much follows from a change, it comes more often. */
const WEIGHTS: Readonly<Record<string, number>> = {
  desiredState: 5,
  scaling: 3,
  consumer: 3,
  checkpoints: 3,
};
const change = fc.oneof(
  ...Object.entries(parts).map(([part, values]) => ({
    weight: WEIGHTS[part] ?? 1,
    arbitrary: fc.record({ [part]: values }),
  })),
  { weight: 3, arbitrary: taken.map((part) => ({ [part]: undefined })) },
);
const step: fc.Arbitrary<Step> = fc.record({
  change,
  trouble: fc.option(of(...(Object.keys(TROUBLES) as Trouble[])), { nil: undefined, freq: 2 }),
  restarts: of(false, false, false, true),
  looks: of(0, 1, 2, 8),
});

export const walks: fc.Arbitrary<Walk> = fc.record({
  first: some(parts, 'handler', 'template'),
  steps: fc.array(step, { minLength: 3, maxLength: 8 }),
});

/** @throws Error for one that the API server would refuse: a test of what nobody can have. */
export function changed(spec: Spec, change: Spec): Spec {
  // A role is there from the first, or never.
  const { aws = spec['aws'], ...others } = change;
  const next: Spec = { ...spec, ...others, ...(spec['aws'] ? { aws } : {}) };
  readSpec(next);
  return next;
}

export function readSpec(spec: Spec): GroupSpec {
  const read = parseGroup(JSON.parse(JSON.stringify(groupObject(spec))));
  if (read.outcome === 'refused') throw new Error(`no valid spec: ${read.problems.join('; ')}`);
  return read.group.spec;
}
