import type { DesiredTable } from './desired-table.ts';
import {
  NO_CEILING,
  type ObservedTable,
  type TableBilling,
  type TableKey,
  type TableStep,
} from './table-admin.ts';

/** What UpdateTable changes, protection first. Each is a call of its own: the service takes no two kinds in one. */
export function tableUpdates(desired: DesiredTable, observed: ObservedTable): TableStep[] {
  const { deletionProtection, billing, tableClass, key } = desired;
  const steps: TableStep[] = [];
  if (deletionProtection !== undefined && deletionProtection !== observed.deletionProtection) {
    steps.push({ do: 'set deletion protection', enabled: deletionProtection });
  }
  if (billing && !isBilled(observed.billing, billing)) steps.push({ do: 'set billing', billing });
  if (tableClass && tableClass !== observed.tableClass) steps.push({ do: 'set table class', tableClass });
  if (key && !isEncrypted(observed, key)) steps.push({ do: 'set encryption', key });
  return steps;
}

/** A new table has no ceiling to take away. */
export function newBilling(asked: TableBilling = { mode: 'OnDemand' }): TableBilling {
  if (asked.mode === 'Provisioned') return asked;
  const { mode, maxReadRequestUnits: read, maxWriteRequestUnits: write } = asked;
  return { mode, maxReadRequestUnits: given(read), maxWriteRequestUnits: given(write) };
}

const given = (ceiling: number | undefined) => (ceiling === NO_CEILING ? undefined : ceiling);

function isBilled(is: TableBilling, asked: TableBilling): boolean {
  if (asked.mode === 'Provisioned') {
    return (
      is.mode === 'Provisioned' &&
      is.readCapacityUnits === asked.readCapacityUnits &&
      is.writeCapacityUnits === asked.writeCapacityUnits
    );
  }
  const same = (ceiling: number | undefined, wanted: number | undefined) =>
    wanted === undefined || given(wanted) === ceiling;
  return (
    is.mode === 'OnDemand' &&
    same(is.maxReadRequestUnits, asked.maxReadRequestUnits) &&
    same(is.maxWriteRequestUnits, asked.maxWriteRequestUnits)
  );
}

/**
 * Where it cannot be seen, it is taken to be so: asking for `aws/dynamodb` where it is in place encrypts the table anew, and
 * the service allows that a few times a day.
 */
function isEncrypted({ kmsKeyArn: is }: ObservedTable, key: TableKey): boolean {
  if ('awsKey' in key) return key.awsKey === 'Owned' ? is === undefined : is !== undefined;
  return is !== undefined && (key.kmsKeyArn === is || isAlias(key.kmsKeyArn));
}

/** A table shows its key, never the alias it was given by. */
export function isAlias(key: string): boolean {
  return /(^|:)alias\//.test(key);
}
