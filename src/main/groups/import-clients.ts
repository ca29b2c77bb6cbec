import { regionOfArn } from '../../api/arn.ts';
import {
  groupIdOf,
  regionOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../../api/group.ts';
import { awsCredentials } from '../../aws/credentials.ts';
import { regionFrom } from '../../aws/region-from.ts';
import type { importOptions } from '../../cli/import.ts';
import type { ImportSource } from '../../import/import-source.ts';
import { openSource } from '../../import/open-source.ts';
import { systemClock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { OptionValues } from '../../lib/options.ts';
import { openForeignStore } from '../operator/position-import.ts';
import { ANY_REGION } from './local-credentials.ts';
import { USER_CALLS, userDynamoDb, userStreamClient } from './user-aws.ts';

type Options = OptionValues<typeof importOptions>;

/** Password of Redis. */
const PASSWORD_ENV = 'KCG_IMPORT_PASSWORD';

/** Where a group and its source are. */
interface Place {
  groupId: string;
  table: string;
  region: string;
  stream: { name: string; arn: string | undefined };
  kinesis: string | undefined;
  dynamodb: string | undefined;
}

/** @throws KcgError `InvalidInput` when no region is known */
export function placeOf(
  group: KinesisConsumerGroup,
  options: Pick<Options, 'kinesisEndpoint' | 'dynamodbEndpoint' | 'region'>,
  env: NodeJS.ProcessEnv,
): Place {
  const { endpoints, stream } = group.spec;
  const kinesis = options.kinesisEndpoint ?? endpoints.kinesis;
  const dynamodb = options.dynamodbEndpoint ?? endpoints.dynamodb;
  const known = regionOfArn(group.status?.stream?.arn) ?? regionFrom(env);
  const region = options.region ?? regionOf(group, known) ?? (dynamodb && kinesis ? ANY_REGION : undefined);
  if (region === undefined)
    throw new KcgError('InvalidInput', 'no AWS region is set', { fix: 'Name it with --region.' });
  return {
    groupId: groupIdOf(group),
    table: tableNameOf(group),
    region,
    stream: { name: streamNameOf(group), arn: stream.arn },
    kinesis,
    dynamodb,
  };
}

/** Close them when done. */
export function openClients({ region, stream: { name, arn }, kinesis, dynamodb }: Place) {
  const credentials = awsCredentials({ clock: systemClock });
  const client = userDynamoDb({ region, endpoint: dynamodb, credentials });
  const stream = userStreamClient({
    region,
    credentials,
    endpoint: kinesis,
    streamName: name,
    streamArn: arn,
  });
  const close = () => {
    client.destroy();
    stream.close();
  };
  return { client, stream, close };
}

/** @throws KcgError `InvalidInput` when neither group nor flags name one */
export function importSourceOf(
  { spec }: KinesisConsumerGroup,
  {
    client,
    stream,
    env,
    flag = '--from',
  }: Pick<ReturnType<typeof openClients>, 'client' | 'stream'> & { env: NodeJS.ProcessEnv; flag?: string },
): ImportSource {
  const { importFrom } = spec.checkpoints;
  if (importFrom === undefined) {
    throw new KcgError('InvalidInput', 'the group does not say whose positions it begins with', {
      fix: `Write checkpoints.importFrom into its spec, or name --type and ${flag}.`,
    });
  }
  const password = env[PASSWORD_ENV] || undefined;
  const store = { ...USER_CALLS, client, password };
  const { initialPosition } = spec;
  return openSource({
    importFrom,
    initialPosition,
    stream,
    openStore: (from) => openForeignStore(from, store),
  });
}
