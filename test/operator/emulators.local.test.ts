import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { sdkAwsAccount } from '../../src/main/operator/aws-account.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { runOperator } from '../../src/operator/operator.ts';
import { until } from '../support/until.ts';

/*
 * What people have at hand for a first try: dynalite as it is, which drops the tags of a new table and has few calls beside
 * those for rows, and one that answers tag calls with an error, as DynamoDB Local is published to do.
 */

const cluster = new MemoryCluster({ clock, random: systemRandom });
const stop = new AbortController();
const closing: (() => Promise<unknown>)[] = [];
const endpoints: Record<string, string> = {};
/** Calls that change a table, by server. */
const changes: string[] = [];
let running: Promise<void>;

beforeAll(async () => {
  for (const name of ['AWS_SESSION_TOKEN', 'AWS_PROFILE']) delete process.env[name];
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  const kinesis = await startLocalKinesis({ clock });
  closing.push(() => kinesis.close());
  kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
  await kinesis.kinesis.whenCreated('orders');
  endpoints['plain'] = await serve(/^$/);
  endpoints['without-tag-calls'] = await serve(/^(ListTagsOfResource|TagResource|UntagResource)$/);
  const options = {
    workerImage: 'kcg:test',
    kinesisEndpoint: kinesis.endpoint,
    dynamodbEndpoint: endpoints['plain'],
    pollMs: 100,
  };
  const aws = sdkAwsAccount(clock);
  const operator = { cluster, aws, clock, random: systemRandom, log: silentLog, options };
  running = runOperator(operator, stop.signal);
});

afterAll(async () => {
  stop.abort();
  await running;
  await Promise.all(closing.map((close) => close()));
});

/** dynalite behind a front that does not know some calls. */
async function serve(unknown: RegExp): Promise<string> {
  const server = dynalite({ createTableMs: 20, updateTableMs: 20, deleteTableMs: 20 });
  const [answer] = server.listeners('request') as ((
    request: IncomingMessage,
    response: ServerResponse,
  ) => void)[];
  const front = createServer((request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    if (/^(Create|Update|Delete)Table$|^(Tag|Untag)Resource$|^UpdateT|^UpdateC/.test(operation))
      changes.push(operation);
    if (!unknown.test(operation)) return answer!(request, response);
    const type = 'com.amazonaws.dynamodb.v20120810#UnknownOperationException';
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ __type: type, message: 'Tagging is not supported here.' }));
  });
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
  closing.push(async () => {
    front.closeAllConnections();
    await new Promise((done) => front.close(done));
  });
  return `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
}

const keyOf = (name: string) => ({ namespace: 'shop', name });

async function conditionsOf(name: string): Promise<Record<string, string>> {
  const object = await cluster.get(KINDS.consumerGroup, keyOf(name));
  const { conditions = [] } = (object?.status ?? {}) as GroupStatus;
  return Object.fromEntries(
    conditions.map((one) => [one.type, `${one.status} ${one.reason}: ${one.message}`]),
  );
}

test.each(['plain', 'without-tag-calls'])(
  'a group works on dynalite %s, says what is left out, and its table goes with it',
  async (name) => {
    const table = { tags: { team: 'shop' }, pointInTimeRecovery: true };
    const spec = {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      handler: { log: {} },
      endpoints: { dynamodb: endpoints[name] },
      checkpoints: { deletionPolicy: 'Delete', table },
    };
    const group = {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: keyOf(name),
      spec,
    };
    await cluster.apply(KINDS.consumerGroup, group, { fieldManager: 'kubectl', force: true });
    await until('there is a Deployment', () => cluster.get(KINDS.deployment, keyOf(`${name}-worker`)));
    const { TableReady: told } = await until('the table is ready and claimed', async () => {
      const seen = await conditionsOf(name);
      const isReady = /^True TableActive.*point-in-time recovery/s.test(seen['TableReady'] ?? '');
      return isReady && seen['GroupClaimed']?.startsWith('True Claimed') && seen;
    });
    expect(told?.includes('tags are left alone')).toBe(name !== 'plain');
    const status = (await cluster.get(KINDS.consumerGroup, keyOf(name)))?.status as GroupStatus;
    expect(status.table).toMatchObject({ created: true });
    await cluster.delete(KINDS.consumerGroup, keyOf(name));
    await until('it is gone', async () => !(await cluster.get(KINDS.consumerGroup, keyOf(name))));
    expect(changes.at(-1)).toBe('DeleteTable');
  },
);
