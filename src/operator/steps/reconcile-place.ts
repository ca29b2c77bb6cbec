import { isShadow, regionOf, rowsGroupIdOf, streamNameOf, tableNameOf } from '../../api/group.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import type { GroupTarget } from '../group-target.ts';
import {
  forgetOtherTables,
  lookAgain,
  type Pass,
  type PlacedPass,
  type ReconcilerSettings,
} from '../reconcile-context.ts';

/** Between two looks at a group whose role is not allowed. */
const NOT_ALLOWED_MS = 20_000;

/** Where the group is in AWS; undefined when no region is known. */
export function placeOf({
  group,
  groupId,
  options,
}: Pick<Pass, 'group' | 'groupId'> & { options: { settings: Partial<ReconcilerSettings> } }):
  | GroupTarget
  | undefined {
  const { settings } = options;
  const region = regionOf(group, settings.defaultRegion);
  if (region === undefined) return undefined;
  const { endpoints, stream } = group.spec;
  return {
    groupId,
    region,
    stream: { name: streamNameOf(group), ...(stream.arn === undefined ? {} : { arn: stream.arn }) },
    endpoints: {
      kinesis: endpoints.kinesis ?? settings.kinesisEndpoint,
      dynamodb: endpoints.dynamodb ?? settings.dynamodbEndpoint,
      sqs: endpoints.sqs ?? settings.sqsEndpoint,
      sns: endpoints.sns ?? settings.snsEndpoint,
      s3: endpoints.s3 ?? settings.s3Endpoint,
    },
    table: tableNameOf(group),
  };
}

/**
 * The pass with its place and its role, and with nothing remembered of any other; without either, what is missing.
 * @throws KcgError when nobody can tell now whether the role is allowed
 */
export async function placedPass(
  pass: Pass,
): Promise<{ placed?: PlacedPass; region: string | undefined; roleProblem?: string }> {
  const place = placeOf(pass);
  if (place === undefined) return { region: undefined };
  const { region } = place;
  let target: GroupTarget;
  try {
    target = await withRole(pass, place);
  } catch (thrown) {
    const error = KcgError.from(thrown);
    if (error.code !== 'AccessDenied') throw error;
    // A namespace's annotations change without a word.
    lookAgain(pass, NOT_ALLOWED_MS);
    return { region, roleProblem: describeError(error) };
  }
  if (isShadow(pass.group)) target = { ...target, groupId: rowsGroupIdOf(pass.group), isShadow: true };
  forgetOtherTables(pass.memory, target);
  return { placed: { ...pass, target }, region };
}

/** @throws KcgError `AccessDenied` when the namespace does not allow the group's role */
export async function withRole({ group, tenants, signal }: Pass, target: GroupTarget): Promise<GroupTarget> {
  const arn = group.spec.aws?.roleArn;
  if (arn === undefined) return target;
  return { ...target, role: await tenants.role(group.metadata.namespace, arn, signal) };
}
