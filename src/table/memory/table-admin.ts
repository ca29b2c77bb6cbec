import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import {
  NATIVE_KEY_SCHEMA,
  NO_CEILING,
  type ObservedTable,
  type TableAdmin,
  type TableBilling,
  type TableKey,
  type TableStep,
} from '../table-admin.ts';

/** The account's `aws/dynamodb`. */
export const AWS_MANAGED_KEY = 'arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000';

/** The twin of one account's tables: every change takes effect at once. */
export class MemoryTables {
  readonly tables = new Map<string, ObservedTable>();
  /** Every step applied, the oldest first. */
  readonly steps: { table: string; step: TableStep }[] = [];
  /** Set to make the next calls fail. */
  fault: KcgError | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  admin(name: string): TableAdmin {
    return {
      describe: async () => {
        if (this.fault) throw this.fault;
        return this.tables.get(name);
      },
      apply: async (step, { onMade } = {}) => {
        if (this.fault) throw this.fault;
        const outcome = this.#apply(name, step);
        if (step.do === 'create' && outcome === 'done') onMade?.(this.tables.get(name)!);
        return outcome;
      },
    };
  }

  #apply(name: string, step: TableStep): 'done' | 'raced' {
    this.steps.push({ table: name, step });
    const table = this.tables.get(name);
    if (step.do === 'create') {
      if (table) return 'raced';
      const { key, ...asked } = step.table;
      this.tables.set(name, {
        ...asked,
        kmsKeyArn: keyArn(key),
        name,
        arn: `arn:aws:dynamodb:us-east-1:000000000000:table/${name}`,
        status: 'ACTIVE',
        keySchema: NATIVE_KEY_SCHEMA,
        createdAt: this.#clock.now(),
        ttlAttribute: '',
        pointInTimeRecovery: false,
      });
      return 'done';
    }
    if (!table) {
      if (step.do === 'delete') return 'raced';
      throw new KcgError('NotFound', `table ${name} does not exist`, { resource: `table ${name}` });
    }
    if (step.do === 'enable ttl' && table.ttlAttribute === step.attribute) return 'raced';
    if (step.do === 'enable ttl' && table.ttlAttribute !== '') {
      throw new KcgError('InvalidInput', 'TimeToLive is active on a different AttributeName');
    }
    if (step.do === 'delete') {
      if (table.deletionProtection)
        throw new KcgError('InvalidInput', `table ${name} is protected against deletion`);
      this.tables.delete(name);
    } else {
      this.tables.set(name, change(table, step));
    }
    return 'done';
  }
}

function change(table: ObservedTable, step: Exclude<TableStep, { do: 'create' | 'delete' }>): ObservedTable {
  switch (step.do) {
    case 'disable ttl':
      return { ...table, ttlAttribute: '' };
    case 'enable ttl':
      return { ...table, ttlAttribute: step.attribute };
    case 'tag':
      return { ...table, tags: { ...table.tags, ...step.tags } };
    case 'untag':
      return {
        ...table,
        tags: Object.fromEntries(Object.entries(table.tags).filter(([key]) => !step.keys.includes(key))),
      };
    case 'set point-in-time recovery':
      return { ...table, pointInTimeRecovery: step.enabled };
    case 'set deletion protection':
      return { ...table, deletionProtection: step.enabled };
    case 'set billing':
      return { ...table, billing: billed(table.billing, step.billing) };
    case 'set table class':
      return { ...table, tableClass: step.tableClass };
    case 'set encryption':
      return { ...table, kmsKeyArn: keyArn(step.key) };
  }
}

function keyArn(key: TableKey | undefined): string | undefined {
  if (key === undefined) return undefined;
  if ('kmsKeyArn' in key) return key.kmsKeyArn;
  return key.awsKey === 'Managed' ? AWS_MANAGED_KEY : undefined;
}

/** What a change does not name stays. */
function billed(was: TableBilling, asked: TableBilling): TableBilling {
  if (asked.mode === 'Provisioned') return asked;
  const before = was.mode === 'OnDemand' ? was : undefined;
  const of = (field: 'maxReadRequestUnits' | 'maxWriteRequestUnits') => {
    const units = asked[field] ?? before?.[field];
    return units === undefined || units === NO_CEILING ? {} : { [field]: units };
  };
  return { mode: 'OnDemand', ...of('maxReadRequestUnits'), ...of('maxWriteRequestUnits') };
}
