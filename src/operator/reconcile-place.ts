import { isShadow, regionOf, rowsGroupIdOf, streamNameOf, tableNameOf } from '../api/group.ts';
import type { GroupTarget } from './aws-account.ts';
import { forgetOtherTables, type Pass, type PlacedPass } from './reconcile-context.ts';

/** Where the group is in AWS; undefined when no region is known. */
export function placeOf({
  group,
  groupId,
  options,
}: Pick<Pass, 'group' | 'groupId' | 'options'>): GroupTarget | undefined {
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

/** The pass with its place, and with nothing remembered of any other. */
export function placedPass(pass: Pass): PlacedPass | undefined {
  const place = placeOf(pass);
  if (place === undefined) return undefined;
  const target = isShadow(pass.group)
    ? { ...place, groupId: rowsGroupIdOf(pass.group), isShadow: true }
    : place;
  forgetOtherTables(pass.memory, target);
  return { ...pass, target };
}
