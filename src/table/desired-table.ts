import type { TableSetting, TableSpec } from '../api/table-spec.ts';
import type { TableBilling, TableClass, TableKey } from './table-admin.ts';

/** What a group asks of its table. Unset settings are creation defaults on a new table, and left alone on an existing one. */
export interface DesiredTable {
  name: string;
  management: 'Managed' | 'External';
  adoption: 'IfOurs' | 'Always' | 'Never';
  /** Ours, always kept: they say who made the table. */
  ownershipTags: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>> | undefined;
  billing: TableBilling | undefined;
  deletionProtection: boolean | undefined;
  /** Used when `deletionProtection` is unset and the table is created. */
  defaultDeletionProtection: boolean;
  pointInTimeRecovery: boolean | undefined;
  key: TableKey | undefined;
  tableClass: TableClass | undefined;
}

/** The settings that a spec asks of the table, whoever makes it. */
export function settingsOf({
  billing,
  tags,
  deletionProtection,
  pointInTimeRecovery,
  encryption,
  tableClass,
}: Pick<TableSpec, TableSetting>): Pick<
  DesiredTable,
  'billing' | 'tags' | 'deletionProtection' | 'pointInTimeRecovery' | 'key' | 'tableClass'
> {
  return {
    tags,
    billing: billing && billingOf(billing),
    deletionProtection,
    pointInTimeRecovery,
    key: encryption && keyOf(encryption),
    tableClass,
  };
}

function billingOf({
  mode,
  readCapacityUnits = 1,
  writeCapacityUnits = 1,
  maxReadRequestUnits,
  maxWriteRequestUnits,
}: NonNullable<TableSpec['billing']>): TableBilling {
  return mode === 'Provisioned'
    ? { mode, readCapacityUnits, writeCapacityUnits }
    : { mode, maxReadRequestUnits, maxWriteRequestUnits };
}

function keyOf({ kmsKeyArn, awsKey = 'Owned' }: NonNullable<TableSpec['encryption']>): TableKey {
  return kmsKeyArn === undefined ? { awsKey } : { kmsKeyArn };
}
