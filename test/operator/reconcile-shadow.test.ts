import { afterEach, describe, expect, it } from 'vitest';
import { RESUME_ANNOTATION } from '../../src/api/labels.ts';
import { stateChange } from '../../src/cli/act.ts';
import type { ImportRequest } from '../../src/operator/position-import.ts';
import { Harness } from './reconcile-harness.ts';

let h: Harness;
let requests: ImportRequest[];
afterEach(() => h.close());

const SHADOW = 'shop.orders.shadow';
const TABLE = 'kinesis-checkpoints-shop-orders';
const APP = { spec: { containers: [{ name: 'app', image: 'orders:1' }] } };
const spec = (desiredState: string, rest: Record<string, unknown> = {}) => ({
  desiredState,
  handler: { http: { container: 'app' } },
  template: APP,
  ...rest,
});
const IMPORT = { checkpoints: { importFrom: { type: 'KCL', table: 'orders-app' } } };

/** An import that is over for the shadow, and waits for the group itself until `stopped`. */
function open({ stopped = () => true }: { stopped?: () => boolean } = {}): void {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
  requests = [];
  h.openImport = (request) => {
    requests.push(request);
    const isSettled = () => request.spec.desiredState === 'Shadow' || stopped();
    return {
      step: async () =>
        isSettled()
          ? { reason: 'ImportNotNeeded', message: 'done', isSettled: true }
          : { reason: 'SourceLive', message: 'it runs', isSettled: false, againInMs: 1_000 },
      close: () => {},
    };
  };
}
const switchTo = (desiredState: string) => h.setGroup((given) => (given['desiredState'] = desiredState));
const rows = (groupId: string) => h.table(groupId, TABLE).rows();
/** The workers own and have read the shards, by the rows they are told to use. */
async function runWorkers(groupId: string): Promise<void> {
  const names = await h.runPods();
  const { shards } = h.kinesis.listShards('orders');
  for (const [index, shard] of shards.entries()) {
    const worker = names[index % names.length]!;
    h.table(groupId, TABLE).store(`worker#${worker}`, {
      shard_id: `worker#${worker}`,
      incarnation: 'a',
      beat: 1,
      state: 'live',
      revision: 1,
    });
    h.table(groupId, TABLE).store(shard.shardId, {
      shard_id: shard.shardId,
      epoch: 1,
      sequence: '7',
      ref: `${worker}/a`,
      hash_start: shard.hashStart,
      hash_end: shard.hashEnd,
    });
  }
}

describe('a shadow', () => {
  it('reads with rows of its own, hands nothing to the handler, and says so', async () => {
    open();
    h.create(spec('Shadow'));
    await h.converge();
    expect(await h.workerConfig()).toMatchObject({ groupId: SHADOW, table: TABLE, handler: { type: 'log' } });
    await runWorkers(SHADOW);
    await h.converge();
    expect(await h.condition('Ready')).toBe('True Shadow');
    expect(await h.condition('ShardsCovered')).toBe('True AllOwned');
    expect(rows('shop.orders')).toEqual([]);
    expect(rows(SHADOW).find(({ shard_id }) => shard_id === 'group#claim')).toMatchObject({
      claimed_group: SHADOW,
    });
  });

  it('hands records to a handler that is marked as harmless, and what is given up to nobody', async () => {
    open();
    const queueArn = 'arn:aws:sqs:eu-west-1:123456789012:failed';
    const handler = {
      http: { container: 'app', port: 3000 },
      harmless: true,
      onFailure: { sqs: { queueArn } },
    };
    h.create(spec('Shadow', { handler }));
    await h.converge();
    const config = await h.workerConfig();
    expect(config).toMatchObject({
      groupId: SHADOW,
      handler: { type: 'http', url: 'http://127.0.0.1:3000/' },
    });
    expect(config).not.toHaveProperty('onFailure');
    await runWorkers(SHADOW);
    await h.converge();
    expect(await h.condition('Ready')).toBe('True Shadow');
    expect(rows('shop.orders')).toEqual([]);
    switchTo('Running');
    await h.converge();
    expect(await h.workerConfig()).toMatchObject({ groupId: 'shop.orders', onFailure: { queueArn } });
  });

  it('begins where the other stands, while it runs', async () => {
    open({ stopped: () => false });
    h.create(spec('Shadow', IMPORT));
    await h.converge();
    expect(await h.replicas()).toBe(2);
    expect(new Set(requests.map(({ target }) => target.groupId))).toEqual(new Set([SHADOW]));
  });

  it('becomes the group itself only after an import of its own, from rows that the shadow has not touched', async () => {
    let stopped = false;
    open({ stopped: () => stopped });
    h.create(spec('Shadow', IMPORT));
    await h.converge();
    await runWorkers(SHADOW);
    await h.converge();
    switchTo('Running');
    await h.reconcile();
    await h.reconcile();
    expect(await h.condition('Ready')).toBe('False SourceLive');
    // The pods of the shadow stop, and none with the positions to come is made.
    expect(await h.replicas()).toBe(0);
    expect(await h.workerConfig()).toMatchObject({ groupId: SHADOW, handler: { type: 'log' } });
    stopped = true;
    await h.clock.advance(2_000);
    await h.converge();
    expect(await h.replicas()).toBe(2);
    expect(await h.workerConfig()).toMatchObject({ groupId: 'shop.orders', handler: { type: 'http' } });
    expect(rows('shop.orders').map(({ shard_id }) => shard_id)).toEqual(['group#claim']);
    expect(requests.at(-1)?.target.groupId).toBe('shop.orders');
  });

  it('of a group that has run leaves its positions as they are', async () => {
    open();
    h.create(spec('Running'));
    await h.converge();
    await runWorkers('shop.orders');
    await h.converge();
    const before = rows('shop.orders').filter(({ shard_id }) => shard_id.startsWith('shardId'));
    switchTo('Shadow');
    await h.converge();
    expect(await h.workerConfig()).toMatchObject({ groupId: SHADOW });
    switchTo('Running');
    await h.converge();
    expect(rows('shop.orders').filter(({ shard_id }) => shard_id.startsWith('shardId'))).toEqual(before);
    expect(await h.workerConfig()).toMatchObject({ groupId: 'shop.orders', handler: { type: 'http' } });
  });

  it('that was paused as one, and set to Running by hand, is not resumed as one later', async () => {
    open();
    h.create(spec('Shadow'));
    await h.converge();
    const remembered = async () => (await h.group()).metadata.annotations?.[RESUME_ANNOTATION];
    const act = async (verb: 'pause' | 'resume') => {
      const { state, patch } = stateChange(verb, await h.group());
      const { annotations } = (patch as { metadata: { annotations: Record<string, string> } }).metadata;
      h.setGroup((given, { metadata }) => {
        given['desiredState'] = state;
        metadata.annotations = { ...metadata.annotations, ...annotations };
      });
      await h.converge();
    };
    await act('pause');
    expect(await remembered()).toBe('Shadow');
    for (const state of ['Running', 'Paused']) {
      switchTo(state);
      await h.converge();
    }
    expect(await remembered()).toBeUndefined();
    await act('resume');
    expect((await h.group()).spec).toMatchObject({ desiredState: 'Running' });
  });
});
