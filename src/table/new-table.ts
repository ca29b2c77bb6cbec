import { billingText, keyText, onOff, toldTags } from './table-changes.ts';
import { NATIVE_KEY_SCHEMA, type NewTable, type ObservedTable } from './table-admin.ts';

/** `billing: OnDemand, deletionProtection: on`: what a table is made with beside DynamoDB's own defaults, in the words of the spec. */
export function describeNew({ billing, deletionProtection, tableClass, key, tags }: NewTable): string {
  const settings = [
    ['billing', billingText(billing)],
    ['deletionProtection', onOff(deletionProtection)],
    ...(tableClass === 'Standard' ? [] : [['tableClass', tableClass]]),
    ...(key === undefined ? [] : [['encryption', keyText(key)]]),
    ...toldTags(Object.entries(tags)).map(([tag, value]) => [`tags[${tag}]`, value]),
  ];
  return settings.map(([field, value]) => `${field}: ${value}`).join(', ');
}

/** The table once it is there, to plan what comes then. */
export function asMade(name: string, { key, ...asked }: NewTable): ObservedTable {
  const isOwned = key === undefined || ('awsKey' in key && key.awsKey === 'Owned');
  return {
    ...asked,
    name,
    arn: '',
    status: 'ACTIVE',
    keySchema: NATIVE_KEY_SCHEMA,
    createdAt: 0,
    ttlAttribute: '',
    pointInTimeRecovery: false,
    kmsKeyArn: isOwned ? undefined : keyText(key),
  };
}
