import { count } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import { clusterOptions } from './cluster-options.ts';
import { importOptions } from './import.ts';
import { printTable } from './print-table.ts';

export const exportOptions = {
  ...clusterOptions,
  to: { type: 'string', description: 'whose table is written', choices: ['kcl', 'async-kinesis'] },
  'to-table': { type: 'string', description: 'that table; it is made when there is none' },
  namespace: importOptions.namespace,
  file: importOptions.file,
  group: importOptions.group,
  table: importOptions.table,
  stream: importOptions.stream,
  region: importOptions.region,
  'kinesis-endpoint': importOptions['kinesis-endpoint'],
  'dynamodb-endpoint': importOptions['dynamodb-endpoint'],
  'dry-run': { type: 'boolean', description: 'show what would be written, and write nothing' },
  output: importOptions.output,
} as const satisfies OptionTable;

export interface ExportReport {
  table: string;
  shards: readonly { shardId: string; here: string; to: string; why: string; twice: string | undefined }[];
  notes: readonly string[];
  refusals: readonly string[];
}

/** What `kcg export` prints of a plan, without the newline at the end. */
export function printExportPlan(report: ExportReport, output: string | undefined): string {
  if (output === 'json') return JSON.stringify(report, undefined, 2);
  const { table, shards, notes, refusals } = report;
  const rows = shards.map(({ shardId, here, to, why, twice }) => [shardId, here, to, why, twice ?? '-']);
  const refused = ['It cannot be exported:', ...refusals.map((why) => `- ${why}`)].join('\n');
  return [
    `${count(shards.length, 'shard')} for table ${table}`,
    printTable([['SHARD', 'HERE', 'THERE', 'BECAUSE', 'TWICE'], ...rows]),
    notes.map((note) => `- ${note}`).join('\n'),
    ...(refusals.length > 0 ? [refused] : []),
  ].join('\n\n');
}
