import { startLocalDynamoDb } from '../../dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../dev/kinesis/server.ts';
import { MemoryKinesis, type CreateStreamRequest } from '../../kinesis/memory/stream.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { createLog } from '../../lib/log.ts';
import { parseOptions, type OptionTable } from '../../lib/options.ts';
import { logLevelOption } from '../log-level-option.ts';

const port = { type: 'number', min: 0, max: 65_535 } as const;

export const emulatorOptions = {
  stream: {
    type: 'string',
    many: true,
    description: 'a stream to begin with, and its shards: orders=4; again for more',
  },
  host: {
    type: 'string',
    description:
      'address to listen on; :: = all of this machine, where anybody who reaches the ports may use them',
    default: '127.0.0.1',
  },
  'kinesis-port': { ...port, description: 'port of Kinesis; 0 = any free one', default: 4567 },
  'dynamodb-port': { ...port, description: 'port of DynamoDB; 0 = any free one', default: 4568 },
  'log-level': logLevelOption,
} as const satisfies OptionTable;

/** `kcg emulator`: the servers of local mode and nothing else, until Ctrl-C. */
export async function runEmulatorCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(emulatorOptions, argv, env);
  const streams = options.stream.map(streamOf);
  const log = createLog(options.logLevel, (line) => process.stdout.write(line));
  const { host } = options;
  // Whoever reaches the port finds the streams, and can put records.
  const kinesis = await startLocalKinesis({
    clock,
    log,
    host,
    port: options.kinesisPort,
    kinesis: await withStreams(streams, stop),
  });
  try {
    const dynamodb = await startLocalDynamoDb({ clock, log, host, port: options.dynamodbPort });
    await clock.sleep(Infinity, { signal: stop });
    await dynamodb.close();
    return 0;
  } finally {
    await kinesis.close();
  }
}

async function withStreams(
  streams: readonly CreateStreamRequest[],
  stop: AbortSignal,
): Promise<MemoryKinesis> {
  const kinesis = new MemoryKinesis({ clock });
  for (const stream of streams) kinesis.createStream(stream);
  for (const { name } of streams) await kinesis.whenCreated(name, { signal: stop });
  return kinesis;
}

/** Of `orders=4`. */
function streamOf(text: string): CreateStreamRequest {
  const [, name, shards] = /^([a-zA-Z0-9_.-]{1,128})=([1-9][0-9]{0,2})$/.exec(text) ?? [];
  if (name !== undefined) return { name, shardCount: Number(shards) };
  throw new KcgError('InvalidInput', `--stream takes a name and the number of shards, not '${text}'`, {
    fix: 'Write --stream orders=4.',
  });
}
