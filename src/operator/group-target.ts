import { accountOfArn } from '../api/arn.ts';

/** Whom the operator becomes for a group's calls. */
export interface AwsRole {
  arn: string;
  /** By which the role's trust policy tells the groups of one namespace from those of others. */
  externalId: string;
  /** What CloudTrail shows; 2 to 64 characters of `[\w+=,.@-]`. */
  sessionName: string;
}

/** Where a group's stream and rows are. */
export interface GroupTarget {
  groupId: string;
  region: string;
  stream: { name: string; arn?: string | undefined };
  endpoints: { [service in 'kinesis' | 'dynamodb' | 'sqs' | 'sns' | 's3']?: string | undefined };
  table: string;
  /** Undefined = the operator's own credentials. */
  role?: AwsRole | undefined;
  /** `groupId` is that of the rows of a shadow. */
  isShadow?: boolean;
}

/** Which table; the same for all groups in it, whichever role of its account they come with. */
export function tableKey({ region, table, endpoints, role }: GroupTarget): string {
  const account = role ? [accountOfArn(role.arn)] : [];
  return JSON.stringify([region, endpoints.dynamodb ?? '', table, ...account]);
}

/** The same for all groups of a stream that look at it as the same role: another may be told something else. */
export function streamKey({ region, stream, endpoints, role }: GroupTarget): string {
  const as = role ? [identityKey(role)] : [];
  return JSON.stringify([region, endpoints.kinesis ?? '', stream.arn ?? stream.name, ...as]);
}

/** The same for all groups that call AWS as the same role, allowed in the same way. */
export function identityKey(role: AwsRole | undefined): string {
  return role ? JSON.stringify([role.arn, role.externalId]) : '';
}
