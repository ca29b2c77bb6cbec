import type { OptionTable, OptionValues } from '../lib/options.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';

export const doctorOptions = {
  ...selectOptions,
  'operator-namespace': {
    type: 'string',
    description: 'where the operator runs; default: wherever it is found',
  },
  region: placeOptions.region,
  'dynamodb-endpoint': placeOptions['dynamodb-endpoint'],
  'kinesis-endpoint': placeOptions['kinesis-endpoint'],
  output: { type: 'string', short: 'o', description: 'as data', choices: ['json', 'yaml'] },
  ...otherClusterOptions,
} as const satisfies OptionTable;

export type DoctorOptions = OptionValues<typeof doctorOptions>;

/** A right that a command of this program uses. */
export interface Right {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  /** Which commands go without it. */
  for: string;
}

const RESETS = { group: 'kcg.dev', resource: 'kinesisoffsetresets' };

export const RIGHTS: readonly Right[] = [
  { verb: 'list', group: 'kcg.dev', resource: 'kinesisconsumergroups', for: 'get, status' },
  {
    verb: 'get',
    group: 'kcg.dev',
    resource: 'kinesisconsumergroups',
    for: 'status NAME and all others by name',
  },
  {
    verb: 'patch',
    group: 'kcg.dev',
    resource: 'kinesisconsumergroups',
    for: 'pause, resume, stop, preflight',
  },
  ...['get', 'create', 'patch'].map((verb) => ({ ...RESETS, verb, for: 'reset' })),
  { ...RESETS, verb: 'list', for: 'reset --undo' },
  { verb: 'list', group: '', resource: 'pods', for: 'status NAME, logs, report' },
  { verb: 'get', group: '', resource: 'pods', subresource: 'log', for: 'logs, report' },
  { verb: 'create', group: '', resource: 'pods', subresource: 'eviction', for: 'drain' },
  { verb: 'get', group: '', resource: 'pods', subresource: 'proxy', for: 'metrics in report' },
  { verb: 'patch', group: 'apps', resource: 'deployments', for: 'restart' },
  { verb: 'list', group: 'events.k8s.io', resource: 'events', for: 'describe, report' },
];
