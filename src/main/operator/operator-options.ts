import type { OptionTable, OptionValues } from '../../lib/options.ts';
import { logLevelOption } from '../log-level-option.ts';
import { dashboardOptions } from '../dashboard.ts';

/** Flags and variables of `kcg operator`; the chart sets them. */
export const operatorOptions = {
  'default-region': {
    type: 'string',
    env: 'KCG_DEFAULT_REGION',
    description: 'AWS region of groups that name none',
  },
  'kinesis-endpoint': {
    type: 'url',
    env: 'KCG_KINESIS_ENDPOINT',
    description: 'URL of Kinesis for groups that name none, for emulators and VPC endpoints',
  },
  'dynamodb-endpoint': {
    type: 'url',
    env: 'KCG_DYNAMODB_ENDPOINT',
    description: 'URL of DynamoDB for groups that name none',
  },
  'sqs-endpoint': {
    type: 'url',
    env: 'KCG_SQS_ENDPOINT',
    description: 'URL of SQS for handler.onFailure of groups that name none',
  },
  'sns-endpoint': { type: 'url', env: 'KCG_SNS_ENDPOINT', description: 'the same of SNS' },
  's3-endpoint': { type: 'url', env: 'KCG_S3_ENDPOINT', description: 'the same of S3' },
  'worker-otlp-endpoint': {
    type: 'url',
    env: 'KCG_WORKER_OTLP_ENDPOINT',
    description: 'base URL of the collector of OpenTelemetry for workers whose own variables name none',
  },
  'worker-image': { type: 'string', env: 'KCG_WORKER_IMAGE', description: 'image of kcg in worker pods' },
  'watch-namespaces': {
    type: 'string',
    many: true,
    env: 'KCG_WATCH_NAMESPACES',
    description: 'namespaces to look after, separated by commas; default: all',
  },
  'cluster-id': {
    type: 'string',
    env: 'KCG_CLUSTER_ID',
    description: 'what tells this cluster from others in tables; default: the uid of kube-system',
  },
  'leader-elect': {
    type: 'boolean',
    env: 'KCG_LEADER_ELECT',
    description: 'run beside other replicas, one of which works',
  },
  namespace: {
    type: 'string',
    env: 'KCG_NAMESPACE',
    description: "namespace of the operator, for its leader election Lease; default: the context's",
  },
  'lease-name': {
    type: 'string',
    env: 'KCG_LEASE_NAME',
    description: 'name of the leader election Lease: one per installation',
    default: 'kcg-operator',
  },
  'pod-uid': {
    type: 'string',
    env: 'KCG_POD_UID',
    description: 'uid of the pod, by which others see that this process has ended',
  },
  'pod-name': { type: 'string', env: 'KCG_POD_NAME', description: 'name of this process in events' },
  'http-port': {
    type: 'number',
    env: 'KCG_HTTP_PORT',
    description: 'port of /healthz, /readyz and /metrics; 0 = any',
    default: 8080,
    min: 0,
    max: 65_535,
  },
  ...dashboardOptions,
  kubeconfig: {
    type: 'string',
    description: "kubeconfig file; default: KUBECONFIG, ~/.kube/config, the pod's service account",
  },
  context: { type: 'string', description: 'context of the kubeconfig' },
  'log-level': logLevelOption,
} as const satisfies OptionTable;

export type Options = OptionValues<typeof operatorOptions>;
