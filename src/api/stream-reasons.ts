/** Of the condition StreamReady. */
export const STREAM_REASONS = {
  StreamActive: 'The stream exists and can be read; nothing to do.',
  StreamUnknown: 'The stream has not been looked at yet; wait a moment.',
  StreamNotFound:
    'There is no such stream in this account and region, which is waited for; create it, or correct spec.stream or spec.region in a new group.',
  StreamNotActive: 'The stream is being created, changed or deleted; wait until AWS shows it as ACTIVE.',
  StreamAccessDenied:
    'The operator may not describe the stream; give its role kinesis:DescribeStreamSummary and kinesis:ListShards.',
  StreamCredentials:
    'The operator has no credentials that AWS accepts, so it was not asked; give its ServiceAccount a role (docs/install.md, IAM), or correct the keys. Workers have their own and go on.',
  StreamUnreachable:
    'Kinesis did not answer; check the network, spec.endpoints.kinesis and the operator log. Workers go on meanwhile.',
  ConsumerCreating:
    'The stream consumer is being registered; wait a moment. Workers go on as they were meanwhile.',
  ConsumerRefused:
    'The stream consumer can be neither found nor registered: a permission is missing (docs/install.md, IAM), the stream has as many as it may have, or the endpoint has none. The message says which. Workers that have one go on.',
  RegionUnknown: "No region is known; set spec.region, use stream.arn, or set the operator's default region.",
  RoleNotAllowed:
    'The namespace does not allow the role in spec.aws.roleArn, so nothing is done in AWS; have the annotation kcg.dev/aws-roles of the namespace name it (docs/multi-tenant.md), or name another role. Workers that run go on.',
} as const;
