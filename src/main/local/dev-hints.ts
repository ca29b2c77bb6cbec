import {
  groupIdOf,
  rowsGroupIdOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../../api/group.ts';
import type { LocalMode } from '../../dev/local-mode.ts';

export interface HintOptions {
  /** As it was named; - = standard input. */
  file: string;
  /** How many groups are in it. */
  groups: number;
  local: Pick<LocalMode, 'kinesis' | 'dynamodb'>;
  givenUpFolder: string;
}

/** Commands to try, for this group. */
export function hintsFor(group: KinesisConsumerGroup, options: HintOptions): string[] {
  const { file, local, givenUpFolder } = options;
  const { endpoints, handler } = group.spec;
  const ofFile = file === '-' ? undefined : inFile(group, options);
  const from = ofFile ?? `--table ${tableNameOf(group)} --group ${rowsGroupIdOf(group)}`;
  const to = ofFile ?? `--stream ${streamNameOf(group)}`;
  const givesUp = handler.retry.maxAttempts >= 0 || handler.retry.maxRecordAgeSeconds >= 0;
  return [
    ...(endpoints.kinesis || endpoints.dynamodb
      ? ['The endpoints in the file are not used here: the local servers take their place.']
      : []),
    `who owns what:  kcg leases ${from} --dynamodb-endpoint ${local.dynamodb.endpoint} --watch`,
    `put a record:   kcg put ${to} --kinesis-endpoint ${local.kinesis.endpoint} --partition-key a --data hello`,
    ...(givesUp ? [`given up:       ${group.metadata.name}'s batches go to ${givenUpFolder}`] : []),
  ];
}

/** How to hand over again what the group has given up; nothing where it has not, or where its handler takes nothing from elsewhere. */
export function redriveHint(group: KinesisConsumerGroup, options: HintOptions): string[] {
  const { metadata, spec, status } = group;
  if (status?.delivery?.givenUp === undefined || spec.handler.lambda) return [];
  const { local, givenUpFolder } = options;
  const command = `kcg redrive ${inFile(group, options)} --from ${givenUpFolder} --kinesis-endpoint ${local.kinesis.endpoint}`;
  return [`${metadata.name} gave records up. Once the handler is mended, while kcg dev runs: ${command}`];
}

function inFile(group: KinesisConsumerGroup, { file, groups }: HintOptions): string {
  return `-f ${file === '-' ? 'group.yaml' : file}${groups === 1 ? '' : ` --group ${groupIdOf(group)}`}`;
}
