import {
  NO_CEILING,
  type ObservedTable,
  type TableBilling,
  type TableKey,
  type TableStep,
} from './table-admin.ts';
import { isTagList } from './table-tags.ts';

/** `tableClass: Standard → StandardInfrequentAccess`: what a step changes, in the words of the spec; no line is empty. */
export function describeChange(step: TableStep, observed: ObservedTable): string {
  return changesOf(step, observed)
    .map(([field, was, now]) => `${field}: ${was} → ${now}`)
    .join(', ');
}

type Change = [field: string, was: string, now: string];

function changesOf(step: TableStep, observed: ObservedTable): Change[] {
  switch (step.do) {
    case 'create':
    case 'delete':
      return [['table', observed.status, step.do]];
    case 'enable ttl':
      return [['time to live', observed.ttlAttribute || 'off', `on for ${step.attribute}`]];
    case 'disable ttl':
      return [['time to live', `on for ${observed.ttlAttribute}`, 'off, then on for ttl']];
    case 'tag':
      return tagChanges(Object.entries(step.tags), observed);
    case 'untag':
      return tagChanges(
        step.keys.map((key) => [key, undefined]),
        observed,
      );
    case 'set point-in-time recovery':
      return [['pointInTimeRecovery', onOff(observed.pointInTimeRecovery), onOff(step.enabled)]];
    case 'set deletion protection':
      return [['deletionProtection', onOff(observed.deletionProtection), onOff(step.enabled)]];
    case 'set billing':
      return [['billing', billingText(observed.billing), billingText(step.billing)]];
    case 'set table class':
      return [['tableClass', observed.tableClass, step.tableClass]];
    case 'set encryption':
      return [['encryption', observed.kmsKeyArn ?? 'AWS owned key', keyText(step.key)]];
  }
}

function tagChanges(tags: readonly Tag[], observed: ObservedTable): Change[] {
  return toldTags(tags).map(([key, value]) => [
    `tags[${key}]`,
    observed.tags[key] ?? 'none',
    value ?? 'none',
  ]);
}

type Tag = readonly [key: string, value: string | undefined];

/** Lists of tags are kcg's own affair, unless they are all there is to say. */
export function toldTags(tags: readonly Tag[]): readonly Tag[] {
  const told = tags.filter(([key]) => !isTagList(key));
  return told.length > 0 ? told : tags;
}

export function keyText(key: TableKey): string {
  return 'kmsKeyArn' in key ? key.kmsKeyArn : `AWS ${key.awsKey.toLowerCase()} key`;
}

export function billingText(billing: TableBilling): string {
  if (billing.mode === 'Provisioned') {
    return `Provisioned (${billing.readCapacityUnits} read, ${billing.writeCapacityUnits} write)`;
  }
  const most = [
    ...ceilingText('read', billing.maxReadRequestUnits),
    ...ceilingText('write', billing.maxWriteRequestUnits),
  ];
  return `OnDemand${most.length > 0 ? ` (${most.join(', ')})` : ''}`;
}

function ceilingText(what: string, units: number | undefined): string[] {
  if (units === undefined) return [];
  return [units === NO_CEILING ? `no ${what} ceiling` : `at most ${units} ${what}`];
}

export const onOff = (is: boolean) => (is ? 'on' : 'off');
