import type { DesiredTable } from '../../src/table/desired-table.ts';
import { NATIVE_KEY_SCHEMA, type ObservedTable } from '../../src/table/table-admin.ts';
import { tagsOfNew } from '../../src/table/table-tags.ts';

export const OURS = { 'kcg.dev/created-by': 'kcg', 'kcg.dev/group-id': 'shop.orders' };
/** The tag that lists the tags with these keys as set for the group, in any order. */
export const listOf = (...keys: string[]) => {
  const asked = Object.fromEntries(keys.map((key) => [key, '']));
  const [list] = Object.entries(tagsOfNew(asked, OURS)).filter(([key]) => key.startsWith('kcg.dev/tags-'));
  return Object.fromEntries(list ? [list] : []);
};
export const LIST = Object.keys(listOf('a'))[0]!;
export const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1';

/** Nothing but what must be. */
export const aDesired = (changes: Partial<DesiredTable> = {}): DesiredTable => ({
  name: 't',
  management: 'Managed',
  adoption: 'IfOurs',
  ownershipTags: OURS,
  tags: undefined,
  billing: undefined,
  deletionProtection: undefined,
  defaultDeletionProtection: true,
  pointInTimeRecovery: undefined,
  key: undefined,
  tableClass: undefined,
  ...changes,
});

/** A table as kcg created it. */
export const aTable = (changes: Partial<ObservedTable> = {}): ObservedTable => ({
  name: 't',
  arn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/t',
  status: 'ACTIVE',
  keySchema: NATIVE_KEY_SCHEMA,
  createdAt: 0,
  billing: { mode: 'OnDemand' },
  ttlAttribute: 'ttl',
  tags: OURS,
  pointInTimeRecovery: false,
  deletionProtection: true,
  kmsKeyArn: undefined,
  tableClass: 'Standard',
  ...changes,
});
