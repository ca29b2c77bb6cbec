import { RECONCILE_PAUSED_ANNOTATION } from '../api/labels.ts';
import { figure } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import type { Paint } from '../lib/paint.ts';
import { visible } from '../lib/visible.ts';
import { formatAge, formatDuration } from '../view/format.ts';
import { statusOf, type EventView, type GroupPicture } from '../view/group-picture.ts';
import type { ObservedTable } from '../table/table-admin.ts';
import { settingsHolder } from '../table/table-tags.ts';
import { otherClusterOptions, placeOptions, selectOptions, watchOption } from './group-options.ts';
import { printShards } from './shards.ts';
import { printStatus, statusData } from './status.ts';
import { printTable } from './print-table.ts';

export const describeOptions = {
  ...selectOptions,
  ...watchOption,
  output: { type: 'string', short: 'o', description: 'all as data', choices: ['json', 'yaml'] },
  'show-events': {
    type: 'string',
    description: 'Events at the end',
    choices: ['true', 'false'],
    default: 'true',
  },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

/** Events that are shown, the latest. */
const MAX_EVENTS = 30;

/** What `kcg describe` prints of one group: status, then all that is behind it. */
export function describeGroup(picture: GroupPicture, paint: Paint): string {
  const { rows, view, nowMs } = picture;
  const sections: [title: string, text: string | undefined][] = [
    ['Conditions', conditionsOf(picture)],
    ['Spec', specOf(picture)],
    ['Table', tableOf(picture.table)],
    ['Claim', claimOf(picture)],
    ['Workers', view && workersOf(picture)],
    [
      'Shards',
      rows &&
        printShards({ ...picture, unknown: [] }, { output: undefined, sortBy: 'lineage', all: true, paint }),
    ],
    ['Pods', picture.pods && podsOf(picture)],
    ['Events', picture.key && picture.object ? eventsOf(picture.events, nowMs) : undefined],
  ];
  const shown = sections.filter((section): section is [string, string] => !!section[1]);
  return [
    printStatus(picture, paint),
    ...shown.map(([title, text]) => `${paint('bold', title)}\n${indented(text)}`),
  ].join('\n\n');
}

/** Data for programs; field names are stable. */
export function describeData(picture: GroupPicture): object {
  const { object, table, rows, events } = picture;
  return {
    ...statusData(picture),
    object,
    table,
    claim: rows?.claim,
    workerRows: rows?.workers,
    shardRows: rows?.leases,
    events,
  };
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}

function pairs(entries: readonly (readonly [string, string | number | boolean | undefined])[]): string {
  const shown = entries.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${visible(String(value))}`).join('\n');
}

function conditionsOf(picture: GroupPicture): string | undefined {
  const { conditions } = statusOf(picture);
  if (!conditions) return undefined;
  return printTable([
    ['TYPE', 'STATUS', 'REASON', 'AGE', 'MESSAGE'],
    ...conditions.map(({ type, status, reason, message, lastTransitionTime }) => [
      type,
      status,
      reason,
      formatAge(picture.nowMs - Date.parse(lastTransitionTime)),
      visible(message),
    ]),
  ]);
}

function specOf({ group, object }: GroupPicture): string | undefined {
  if (!group) return undefined;
  const { spec } = group;
  const [handler] = Object.keys(spec.handler).filter((name) =>
    ['http', 'module', 'exec', 'lambda', 'log'].includes(name),
  );
  const { billing, management } = spec.checkpoints.table;
  const paused = object?.metadata.annotations?.[RECONCILE_PAUSED_ANNOTATION];
  return pairs([
    ['Initial position', spec.initialPosition.type],
    ['Consumer', spec.consumer.type],
    ['Handler', handler],
    [
      'Format',
      `${spec.handler.format}${spec.handler.compression === 'None' ? '' : `, ${spec.handler.compression}`}`,
    ],
    ['Batch size', spec.handler.batchSize],
    ['Filters', spec.handler.filters.length || undefined],
    [
      'Retry',
      spec.handler.retry.maxAttempts < 0 && spec.handler.retry.maxRecordAgeSeconds < 0
        ? 'for ever'
        : JSON.stringify(spec.handler.retry),
    ],
    ['Lease', `${spec.leases.durationSeconds} s`],
    ['Scaling', spec.scaling.mode],
    ['Table management', [management, billing?.mode].filter(Boolean).join(', ')],
    ['Deletion policy', spec.checkpoints.deletionPolicy],
    ['Reconcile paused', paused],
  ]);
}

function tableOf(table: ObservedTable | undefined): string | undefined {
  if (!table) return undefined;
  return pairs([
    ['ARN', table.arn],
    ['Status', table.status],
    ['Key', table.keySchema],
    ['Billing', billingOf(table)],
    ['Class', table.tableClass],
    ['Time to live', table.ttlAttribute || 'off'],
    ['Deletion protection', table.deletionProtection ? 'on' : 'off'],
    ['Point-in-time recovery', table.pointInTimeRecovery ? 'on' : 'off'],
    ['KMS key', table.kmsKeyArn],
    ['Replicas', table.replicas?.join(', ')],
    ['Settings of', settingsHolder(table)],
    ...Object.entries(table.unread ?? {}).map(([setting, why]): [string, string] => [
      setting,
      `not known: ${why}`,
    ]),
  ]);
}

function billingOf({ billing }: ObservedTable): string {
  if (billing.mode === 'Provisioned')
    return `provisioned, ${billing.readCapacityUnits} reads and ${billing.writeCapacityUnits} writes a second`;
  const { maxReadRequestUnits: reads, maxWriteRequestUnits: writes } = billing;
  const most = [...(reads ? [`${reads} reads`] : []), ...(writes ? [`${writes} writes`] : [])];
  return `on demand${most.length > 0 ? `, at most ${most.join(' and ')} a second` : ''}`;
}

function claimOf({ rows }: GroupPicture): string | undefined {
  const claim = rows?.claim;
  if (!claim) return undefined;
  return pairs([
    ['Cluster', claim.clusterId],
    ['Resource', claim.resourceUid && `${claim.resourceUid} in namespace ${claim.namespace ?? '?'}`],
    ['Stream', claim.streamArn],
    ['Claimed', claim.claimedAt === undefined ? undefined : new Date(claim.claimedAt).toISOString()],
    ['Paused', claim.paused ? 'yes' : 'no'],
    ['Imported', claim.imported?.from],
  ]);
}

function workersOf({ view, nowMs }: GroupPicture): string | undefined {
  if (!view || view.workers.length === 0) return undefined;
  return printTable([
    ['WORKER', 'STATE', 'SHARDS', 'LAG', 'LAST BEAT', 'REVISION', 'NODE'],
    ...view.workers.map(({ worker, row, said, shards, lagMs }) => [
      worker,
      said,
      String(shards),
      lagMs === undefined ? '-' : formatDuration(lagMs),
      row.beatAt === undefined ? '-' : `${formatAge(nowMs - row.beatAt)} ago`,
      String(row.revision),
      row.node || '-',
    ]),
  ]);
}

function podsOf({ pods = [] }: GroupPicture): string | undefined {
  if (pods.length === 0) return undefined;
  return printTable([
    ['POD', 'PHASE', 'READY', 'RESTARTS', 'NODE', 'TROUBLE'],
    ...pods.map(({ name, phase, ready, terminating, restarts, node, trouble }) => [
      name,
      terminating ? 'Terminating' : phase,
      String(ready),
      String(restarts),
      node ?? '-',
      trouble ? visible(`${trouble.reason}: ${trouble.message}`) : '-',
    ]),
  ]);
}

function eventsOf(events: readonly EventView[], nowMs: number): string {
  if (events.length === 0) return 'none';
  const shown = events.slice(-MAX_EVENTS);
  const lines = printTable([
    ['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'],
    ...shown.map(({ at, type, reason, regarding, note, count }) => [
      `${formatAge(nowMs - at)}${count > 1 ? ` (x${figure(count)})` : ''}`,
      type,
      reason,
      regarding,
      visible(note.replaceAll('\n', ' ')),
    ]),
  ]);
  return shown.length < events.length
    ? `${lines}\n${figure(events.length - shown.length)} earlier ones left out`
    : lines;
}
