import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ForeignProgram } from '../../../src/import/foreign-store.ts';
import { goPrograms, mavenClassPath, pythonPrograms } from '../../support/peer-programs.ts';
import { startRedis } from '../../support/redis.ts';
import { oneEndpoint } from './one-endpoint.ts';

/* How each program is started, in its pinned version. */

export interface Places {
  stream: string;
  /** In Redis, the group. */
  table: string;
  kinesis: string;
  dynamodb: string;
  /** Ms since the epoch. */
  createdAt: number;
}

export interface Started {
  command: string[];
  env?: Record<string, string>;
  /** Where its positions are, when in Redis. */
  redis?: { url: string; stop(): Promise<void> };
}

export interface Recipe {
  program: ForeignProgram;
  /** Package and version. */
  version: string;
  /** What is in a row stays there once it was written so many more times. Default 0. */
  settlesAfter?: number;
  start(places: Places): Promise<Started>;
}

const here = import.meta.dirname;
const AWS = {
  AWS_REGION: 'eu-west-1',
  AWS_DEFAULT_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
};

function java(pom: string, source: string, isShared = false): Recipe['start'] {
  return async ({ stream, table, kinesis, dynamodb, createdAt }) => {
    const classPath = await mavenClassPath(join(here, pom, 'pom.xml'));
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    const command = [
      'java',
      '-Xmx256m',
      quiet,
      '-cp',
      classPath,
      join(here, source),
      stream,
      table,
      kinesis,
      dynamodb,
    ];
    return { command: isShared ? [...command, String(Math.floor(createdAt / 1000))] : command };
  };
}

function go(name: string, ...more: string[]): Recipe['start'] {
  return async ({ stream, table, kinesis, dynamodb }) => {
    const bin = await goPrograms(join(here, 'go'));
    return { command: [join(bin, name), stream, table, kinesis, dynamodb, ...more], env: AWS };
  };
}

const ASYNC_KINESIS = 'async-kinesis[dynamodb,redis]==3.0.1';
/**
 * Its beat takes all positions, and then writes row after row: a checkpoint in between is taken back until the next beat. The second
 * begins when the first is over; the third is for a checkpoint whose answer was late.
 */
const BEATS = 3;

export const RECIPES: Record<string, Recipe> = {
  'kcl-1': { program: 'kcl', version: 'amazon-kinesis-client 1.15.3', start: java('kcl1', 'Kcl1.java') },
  'kcl-2': { program: 'kcl', version: 'amazon-kinesis-client 2.7.2', start: java('kcl2', 'Kcl.java') },
  'kcl-3': { program: 'kcl', version: 'amazon-kinesis-client 3.5.1', start: java('kcl3', 'Kcl.java') },
  'kcl-3-streams': {
    program: 'kcl',
    version: 'amazon-kinesis-client 3.5.1, over several streams',
    start: java('kcl3', 'Kcl.java', true),
  },
  'vmware-go-kcl-1': { program: 'vmware-go-kcl', version: 'vmware-go-kcl 1.5.1', start: go('vmware1') },
  'vmware-go-kcl-2': { program: 'vmware-go-kcl', version: 'vmware-go-kcl-v2 1.0.0', start: go('vmware2') },
  harlow: { program: 'harlow', version: 'harlow/kinesis-consumer 0.5.0', start: go('harlow') },
  'harlow-group': {
    program: 'harlow',
    version: 'harlow/kinesis-consumer 0.5.0, consumer group',
    start: go('harlow', 'group'),
  },
  benthos: {
    program: 'redpanda-connect',
    version: 'benthos 4.27.0, aws_kinesis',
    async start({ stream, table, kinesis, dynamodb }) {
      const bin = await goPrograms(join(here, 'benthos'));
      const at = (endpoint: string) => ({ endpoint, region: 'eu-west-1' });
      const config = {
        // One endpoint serves both: the input has no other setting.
        input: {
          aws_kinesis: {
            ...at(await oneEndpoint({ kinesis, dynamodb })),
            streams: [stream],
            dynamodb: { table, create: true },
            commit_period: '1s',
            rebalance_period: '2s',
            lease_period: '6s',
          },
        },
        output: { drop: {} },
        http: { enabled: false },
      };
      const file = join(await mkdtemp(join(tmpdir(), 'kcg-benthos-')), 'config.json');
      await writeFile(file, JSON.stringify(config));
      return { command: [join(bin, 'benthos'), '-c', file], env: { ...AWS, TZ: 'Asia/Kolkata' } };
    },
  },
  'async-kinesis': {
    program: 'async-kinesis',
    version: 'async-kinesis 3.0.1, DynamoDB',
    settlesAfter: BEATS,
    async start({ stream, table, kinesis, dynamodb }) {
      const bin = await pythonPrograms(ASYNC_KINESIS);
      const command = [join(bin, 'python'), join(here, 'async_kinesis.py'), stream, table, kinesis, dynamodb];
      return { command, env: AWS };
    },
  },
  'async-kinesis-redis': {
    program: 'async-kinesis',
    version: 'async-kinesis 3.0.1, Redis',
    settlesAfter: BEATS,
    async start({ stream, table, kinesis }) {
      const bin = await pythonPrograms(ASYNC_KINESIS);
      const { port, program } = await startRedis();
      const command = [join(bin, 'python'), join(here, 'async_kinesis.py'), stream, table, kinesis, 'redis'];
      const redis = { url: `redis://127.0.0.1:${port}`, stop: () => program.stop() };
      return { command, env: { ...AWS, REDIS_HOST: '127.0.0.1', REDIS_PORT: `${port}` }, redis };
    },
  },
};
