import type { OptionTable } from '../lib/options.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';

export const preflightOptions = {
  file: { ...placeOptions.file, description: 'YAML file of the groups' },
  namespace: { ...selectOptions.namespace, description: 'namespace of groups that name none' },
  group: { ...placeOptions.group, description: 'id of the group, when the file holds several' },
  region: placeOptions.region,
  'kinesis-endpoint': placeOptions['kinesis-endpoint'],
  'dynamodb-endpoint': placeOptions['dynamodb-endpoint'],
  'no-kubernetes': { type: 'boolean', description: 'do not ask a cluster' },
  output: { type: 'string', short: 'o', description: 'as data', choices: ['json', 'yaml'] },
  ...otherClusterOptions,
} as const satisfies OptionTable;
