import type { TableSetting, TableSpec } from '../api/table-spec.ts';
import type { TableBilling, TableClass } from './table-admin.ts';

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
  kmsKeyArn: string | undefined;
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
  'billing' | 'tags' | 'deletionProtection' | 'pointInTimeRecovery' | 'kmsKeyArn' | 'tableClass'
> {
  return {
    tags,
    billing:
      billing?.mode === 'Provisioned'
        ? {
            mode: 'Provisioned',
            readCapacityUnits: billing.readCapacityUnits ?? 1,
            writeCapacityUnits: billing.writeCapacityUnits ?? 1,
          }
        : billing && { mode: 'OnDemand' },
    deletionProtection,
    pointInTimeRecovery,
    kmsKeyArn: encryption?.kmsKeyArn,
    tableClass,
  };
}
