import { afterEach, describe, expect, test, vi } from 'vitest';
import { httpListen } from '../../src/runtime/leasing/changes.ts';
import { parseWord } from '../../src/view/group-word.ts';
import { httpNudge } from '../../src/runtime/leasing/nudge.ts';
import { startWorkerServer, type WorkerServer } from '../../src/runtime/worker-server.ts';
import { AGroup, type OneWorker, type WorkerChanges } from './a-group.ts';

let server: WorkerServer | undefined;
/** How often requests have looked at the worker. */
let looks = 0;
afterEach(() => server?.close());

async function serve(
  group: AGroup,
  worker: () => OneWorker | undefined,
): Promise<(path: string) => Promise<string>> {
  looks = 0;
  server = await startWorkerServer({
    host: '127.0.0.1',
    port: 0,
    clock: group.clock,
    worker: () => {
      looks += 1;
      return worker()?.worker;
    },
    metrics: async () => '',
  });
  const url = `http://127.0.0.1:${server.port}`;
  return async (path) => {
    const response = await fetch(`${url}${path}`);
    return `${response.status} ${(await response.text()).trim()}`;
  };
}

describe('/readyz answers', () => {
  const never = { start: () => new Promise<void>(() => {}) };

  test.each<[string, boolean, WorkerChanges, string]>([
    ['200 once the worker can be given shards', false, {}, '200 live'],
    ['503 while the handler does not answer', false, { handler: never }, '503 starting'],
    ['200 in a paused group, where nothing more is asked of it', true, {}, '200 paused'],
    ['503 in a paused group while the handler does not answer', true, { handler: never }, '503 starting'],
  ])('%s', async (_, paused, changes, answer) => {
    const group = new AGroup(1);
    await group.pause(paused);
    let worker: OneWorker | undefined;
    const get = await serve(group, () => worker);
    expect(await get('/readyz')).toBe('503 starting');
    worker = group.start('a', changes);
    await group.clock.advance(10_000);
    expect(await get('/readyz')).toBe(answer);
  });

  test('503 when it has stopped, paused or not', async () => {
    for (const paused of [false, true]) {
      const group = new AGroup(1);
      await group.pause(paused);
      const worker = group.start('a');
      const get = await serve(group, () => worker);
      await group.clock.advance(10_000);
      await group.until(worker.stop());
      expect(await get('/readyz')).toBe('503 stopped');
      await server?.close();
    }
  });
});

describe('/v1/drained answers', () => {
  test('after the last batch when the worker stops, however long that takes', async () => {
    const group = new AGroup(1);
    let finish = () => {};
    const batch = new Promise<void>((resolve) => (finish = resolve));
    const handle = async () => {
      await batch;
      return { outcome: 'done' as const };
    };
    const worker = group.start('a', { handler: { handle } });
    const get = await serve(group, () => worker);
    group.put('record');
    await group.clock.advance(10_000);
    let answer: string | undefined;
    const asked = get('/v1/drained').then((told) => (answer = told));
    await arrived();
    const stopped = worker.stop();
    await group.clock.advance(20_000);
    await travelled();
    expect(answer).toBeUndefined();
    finish();
    await group.until(stopped);
    await group.clock.advance(1_000);
    await asked;
    expect(answer).toBe('200 drained');
  });

  test('when the server closes at the same moment, so that the kubelet does not call the hook failed', async () => {
    const group = new AGroup(1);
    const worker = group.start('a');
    const get = await serve(group, () => worker);
    await group.clock.advance(10_000);
    const asked = get('/v1/drained');
    await arrived();
    await Promise.all([group.until(worker.stop()), server?.close()]);
    expect(await asked).toBe('200 drained');
  });

  test('soon when only the application is restarted and the worker goes on', async () => {
    const group = new AGroup(1);
    const worker = group.start('a');
    const get = await serve(group, () => worker);
    await group.clock.advance(10_000);
    let answer: string | undefined;
    const asked = get('/v1/drained').then((told) => (answer = told));
    await arrived();
    await group.clock.advance(2_000);
    await travelled();
    expect(answer).toBeUndefined();
    await group.clock.advance(2_000);
    await asked;
    expect(answer).toBe('200 not ending');
  });

  /** The request is there: from then on the time of the group's clock counts. */
  const arrived = () => vi.waitFor(() => expect(looks).toBeGreaterThan(0), 120_000);
  /** An answer that is none yet would have come: answers travel in real time. */
  const travelled = () => new Promise((resolve) => setTimeout(resolve, 100));
});

test('nudges that come too fast are put off together, and the last one is not lost', async () => {
  const group = new AGroup(1);
  const worker = group.start('a');
  await group.clock.advance(10_000);
  await serve(group, () => worker);
  const nudged = vi.spyOn(worker.worker, 'nudged');
  const nudge = () => fetch(`http://127.0.0.1:${server?.port}/v1/nudge`, { method: 'POST' });
  for (let i = 0; i < 25; i += 1) expect((await nudge()).status).toBe(204);
  expect(nudged).toHaveBeenCalledTimes(10);
  await group.clock.advance(1_000);
  expect(nudged).toHaveBeenCalledTimes(11);
  await nudge();
  expect(nudged).toHaveBeenCalledTimes(12);
});

test('nudges that name shards are handed on with their names, however many come, and others as they are', async () => {
  const group = new AGroup(1);
  const worker = group.start('a');
  await group.clock.advance(10_000);
  await serve(group, () => worker);
  const nudged = vi.spyOn(worker.worker, 'nudged');
  const address = `127.0.0.1:${server?.port}`;
  // A machine that stands still for half a second loses one, which has arrived or not.
  const nudge = (shards?: string[]) =>
    vi.waitFor(async () => expect(await httpNudge(address, shards)).toBe(true), 120_000);
  for (let i = 0; i < 30; i += 1) await nudge([`shardId-${i}`]);
  const named = new Set(nudged.mock.calls.map((each) => JSON.stringify(each)));
  expect([...named]).toEqual(Array.from({ length: 30 }, (_, i) => `[["shardId-${i}"]]`));
  nudged.mockClear();
  await nudge();
  expect(nudged.mock.calls[0]).toEqual([]);
  nudged.mockClear();
  for (const body of [
    '{',
    '{"shards":["worker#a"]}',
    '{"shards":[]}',
    `{"shards":["${'x'.repeat(20_000)}"]}`,
  ]) {
    const answer = await fetch(`http://${address}/v1/nudge`, { method: 'POST', body });
    expect(answer.status).toBe(204);
  }
  expect(nudged.mock.calls).toEqual([[], [], [], []]);
});

describe('/v1/changes tells', () => {
  interface Heard {
    lines: string[];
    ends: number;
    close: () => void;
  }

  function listen(address: string): Heard {
    const heard: Heard = { lines: [], ends: 0, close: () => {} };
    heard.close = httpListen(address, {
      onLine: (line) => heard.lines.push(line),
      onEnd: () => (heard.ends += 1),
    });
    return heard;
  }

  /** Time passes until it is so. */
  async function pass(group: AGroup, holds: () => boolean): Promise<void> {
    await vi.waitFor(
      async () => {
        await group.clock.advance(1_000);
        expect(holds()).toBe(true);
      },
      { timeout: 120_000 },
    );
  }

  test('each beat of the worker, with the same digest until its group changes, and ends with it', async () => {
    const group = new AGroup(2);
    const a = group.start('a');
    await serve(group, () => a);
    await group.clock.advance(10_000);
    const heard = listen(`127.0.0.1:${server!.port}`);
    await pass(group, () => heard.lines.length >= 3);
    const words = heard.lines.slice(-2).map((line) => parseWord(line)!);
    expect(words[1]!.beat).toBeGreaterThan(words[0]!.beat);
    expect(words[1]!.digest).toBe(words[0]!.digest);
    group.start('b');
    await pass(group, () => parseWord(heard.lines.at(-1)!)!.digest !== words[1]!.digest);
    expect(heard.ends).toBe(0);
    await group.until(a.stop());
    await pass(group, () => heard.ends === 1);
  });

  test('nothing while the worker has no lease, nor at an address that is none', async () => {
    const group = new AGroup(1);
    await serve(group, () => undefined);
    for (const address of [`127.0.0.1:${server!.port}`, 'localhost:1', '127.0.0.1:1', '']) {
      const heard = listen(address);
      await vi.waitFor(() => expect(heard.ends).toBe(1), { timeout: 120_000 });
      expect(heard.lines).toEqual([]);
    }
  });

  test('three who listen, and no more; nobody who has closed is called back', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await serve(group, () => a);
    await group.clock.advance(10_000);
    const heard = [1, 2, 3].map(() => listen(`127.0.0.1:${server!.port}`));
    await pass(group, () => heard.every(({ lines }) => lines.length > 0));
    const fourth = listen(`127.0.0.1:${server!.port}`);
    await vi.waitFor(() => expect(fourth.ends).toBe(1), { timeout: 120_000 });
    for (const each of heard) each.close();
    await server!.close();
    server = undefined;
    expect(heard.map(({ ends }) => ends)).toEqual([0, 0, 0]);
  });
});
