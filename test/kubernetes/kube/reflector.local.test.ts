import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { randomInt, seededRandom } from '../../../src/lib/random.ts';
import type { ObjectChange, StoredObject } from '../../../src/kubernetes/cluster.ts';
import {
  KubeReflector,
  type ReflectorEvent,
  type ReflectorOptions,
} from '../../../src/kubernetes/kube/reflector.ts';
import { KubeTransport } from '../../../src/kubernetes/kube/transport.ts';
import { FakeApiServer, type Trouble } from './fake-api-server.ts';

const WIDGET = { apiVersion: 'test.kcg.dev/v1', kind: 'Widget', plural: 'widgets', namespaced: true };

let server: FakeApiServer;
let transport: KubeTransport;
let stop: AbortController;
beforeEach(async () => {
  server = new FakeApiServer();
  stop = new AbortController();
  transport = aTransport(await server.start());
});
afterEach(async () => {
  stop.abort();
  await transport.close();
  await server.stop();
});

function aTransport(access: ConstructorParameters<typeof KubeTransport>[0]['access']): KubeTransport {
  return new KubeTransport({
    access,
    clock: systemClock,
    random: seededRandom(1),
    qps: 10_000,
    burst: 10_000,
  });
}

function follow(options: Partial<ReflectorOptions> = {}) {
  const events: ReflectorEvent[] = [];
  const changes: ObjectChange[] = [];
  const reflector = new KubeReflector({
    transport,
    kind: WIDGET,
    watch: { signal: stop.signal, onChange: (change) => changes.push(change) },
    clock: systemClock,
    random: seededRandom(1),
    onEvent: (event) => events.push(event),
    backoff: { baseMs: 1, maxMs: 5 },
    pageSize: 3,
    ...options,
  });
  const ended = reflector.run();
  return { store: reflector.store, changes, events, ended };
}

const held = (objects: Iterable<StoredObject>) =>
  Object.fromEntries(
    [...objects].map(({ metadata, value }) => [metadata.name, `${metadata.uid} ${String(value)}`]),
  );
const truth = () =>
  Object.fromEntries(
    [...server.truth.values()].map(({ metadata, value }) => [metadata.name, `${metadata.uid} ${value}`]),
  );
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 300_000, interval: 2 });

/** What somebody knows who only listened. Also checks that each change fits the one before. */
function replay(changes: readonly ObjectChange[]): Record<string, string> {
  const known = new Map<string, StoredObject>();
  for (const { type, object, previous } of changes) {
    const { name, uid } = object.metadata;
    expect(known.get(name)?.metadata.uid).toBe(type === 'added' ? undefined : uid);
    expect(previous).toBe(type === 'updated' ? known.get(name) : undefined);
    if (type === 'deleted') known.delete(name);
    else known.set(name, object);
  }
  return held(known.values());
}

describe('the reflector', () => {
  test('lists all pages, then follows, without managedFields', async () => {
    for (let i = 0; i < 10; i += 1) server.put(`w${i}`, i);
    const { store, changes } = follow();
    await store.whenSynced();
    expect(held(store.list())).toEqual(truth());
    server.put('w3', 33);
    server.put('new', 1);
    server.remove('w4');
    await eventually(() => expect(held(store.list())).toEqual(truth()));
    expect(replay(changes)).toEqual(truth());
    expect(store.get({ namespace: '', name: 'w3' })?.metadata).not.toHaveProperty('managedFields');
    expect(store.get({ namespace: '', name: 'w3' })).toMatchObject({
      kind: 'Widget',
      apiVersion: 'test.kcg.dev/v1',
    });
    expect(server.requests.filter((request) => request.startsWith('watch'))).toHaveLength(1);
  });

  const troubles: { name: string; trouble: Trouble; relists: boolean }[] = [
    { name: '429 on list', trouble: { with: 'list', answer: 429, retryAfter: '0' }, relists: true },
    { name: '500 on list', trouble: { with: 'list', answer: 500 }, relists: true },
    {
      name: '404 on list, as before the CRD is there,',
      trouble: { with: 'list', answer: 404 },
      relists: true,
    },
    { name: '403 on list', trouble: { with: 'list', answer: 403 }, relists: true },
    { name: '410 on a page of a list', trouble: { with: 'list', answer: 410 }, relists: true },
    { name: '429 on watch', trouble: { with: 'watch', answer: 429, retryAfter: '0' }, relists: false },
    { name: '500 on watch', trouble: { with: 'watch', answer: 500 }, relists: false },
    { name: '410 on watch', trouble: { with: 'watch', answer: 410 }, relists: true },
    {
      name: 'a connection dropped in the middle of an event',
      trouble: { with: 'watch', after: 2, how: 'drop' },
      relists: false,
    },
    { name: 'a 410 in the stream', trouble: { with: 'watch', after: 2, how: 'gone' }, relists: true },
    {
      name: 'another error in the stream',
      trouble: { with: 'watch', after: 2, how: 'error' },
      relists: false,
    },
    {
      name: 'a line that is no event',
      trouble: { with: 'watch', after: 2, how: 'garbage' },
      relists: false,
    },
    { name: 'a clean end of the watch', trouble: { with: 'watch', after: 2, how: 'close' }, relists: false },
    {
      name: 'a clean end of the watch at once',
      trouble: { with: 'watch', after: 0, how: 'close' },
      relists: false,
    },
  ];
  test.each(troubles)('goes on after $name and misses nothing', async ({ trouble, relists }) => {
    server.put('old', 1);
    server.trouble.push(trouble);
    const { store, changes, events } = follow();
    await store.whenSynced();
    for (let i = 0; i < 5; i += 1) {
      server.put(`w${i}`, i);
      await new Promise(setImmediate);
    }
    server.remove('old');
    await eventually(() => expect(held(store.list())).toEqual(truth()));
    expect(replay(changes)).toEqual(truth());
    expect(server.requests.filter((request) => request === 'list').length > 1).toBe(relists);
    expect(events.filter((event) => event.type === 'failed' && event.error.code === 'Internal')).toEqual([]);
  });

  test('lists again when the server has forgotten its version, and finds what happened meanwhile', async () => {
    for (const name of ['gone', 'again', 'kept']) server.put(name, 1);
    server.trouble.push({ with: 'watch', after: 0, how: 'silence' });
    const { store, changes, events } = follow({ inactivityMs: 50 });
    await store.whenSynced();
    server.remove('gone');
    server.remove('again');
    server.put('again', 2);
    server.compact();
    await eventually(() => expect(held(store.list())).toEqual(truth()));
    expect(changes.slice(3).map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      'deleted gone',
      'deleted again',
      'added again',
    ]);
    expect(events.findLast(({ type }) => type === 'listed')).toMatchObject({ objects: 2 });
  });

  test.each<[string, Trouble]>([
    ['fell silent', { with: 'watch', after: 1, how: 'silence' }],
    ['was never opened', { with: 'watch', answer: 500, endless: true }],
  ])('opens a watch anew that %s, from where it was', async (_, trouble) => {
    server.trouble.push(trouble);
    const { store, events } = follow({ inactivityMs: 50 });
    await store.whenSynced();
    server.put('a', 1);
    server.put('b', 2);
    await eventually(() => expect(held(store.list())).toEqual(truth()));
    expect(server.requests.filter((request) => request === 'list')).toHaveLength(1);
    expect(events.some((event) => event.type === 'failed' && event.error.code === 'Timeout')).toBe(true);
  });

  test.each<[string, () => void]>([
    ['a new object', () => server.put('new', 1)],
    ['a change', () => server.put('old', 2)],
    ['a deletion', () => server.remove('old')],
  ])('finds that a watch which seems well did not tell of %s, once', async (_, happens) => {
    server.put('old', 1);
    server.trouble.push({ with: 'watch', how: 'losing' });
    const { store, changes, events } = follow({ checkMs: 0 });
    await store.whenSynced();
    happens();
    server.put('told', 1);
    await eventually(() => expect(held(store.list())).toHaveProperty('told'));
    server.endWatches();
    await eventually(() => {
      server.bookmark();
      expect(held(store.list())).toEqual(truth());
    });
    expect(replay(changes)).toEqual(truth());
    expect(events.filter(({ type }) => type === 'missed')).toMatchObject([{ changes: 1 }]);
    expect(server.requests).toContain('list of metadata');
  });

  test('takes nothing for missed that the watch tells later than a list beside it', async () => {
    server.trouble.push({ with: 'watch', how: 'trickling' });
    const { store, events } = follow({ checkMs: 0 });
    await store.whenSynced();
    for (const name of ['a', 'b', 'c']) server.put(name, 1);
    await eventually(() => {
      expect(held(store.list())).toEqual(truth());
      expect(server.requests).toContain('list of metadata');
    });
    expect(events.filter(({ type }) => type === 'missed')).toEqual([]);
  });

  test('starts the next watch from the last bookmark', async () => {
    server.put('a', 1);
    const { store, events } = follow();
    await store.whenSynced();
    await eventually(() => expect(server.requests).toHaveLength(2));
    const version = server.bookmark();
    server.endWatches();
    await eventually(() => expect(server.requests).toEqual(['list', 'watch 101', `watch ${version}`]));
    expect(held(store.list())).toEqual(truth());
    expect(events.map(({ type }) => type)).toEqual(['listed']);
  });

  test('backs off when everything fails, and asks as the server says', async () => {
    for (let i = 0; i < 4; i += 1) server.trouble.push({ with: 'list', answer: 503, retryAfter: '0' });
    server.trouble.push({ with: 'list', answer: 429, retryAfter: '1' });
    const slept: number[] = [];
    const sleep: typeof systemClock.sleep = async (ms, options) =>
      ms > 1e6 ? systemClock.sleep(ms, options) : void slept.push(Math.round(ms));
    const { store } = follow({
      clock: { ...systemClock, sleep },
      random: () => 0.5,
      backoff: { baseMs: 1_000, maxMs: 6_000 },
      inactivityMs: 1e9,
    });
    await store.whenSynced();
    expect(slept.slice(0, 5)).toEqual([750, 1_500, 3_000, 4_500, 1_000]);
  });

  test.each([
    ['at once where its version is forgotten after failures, as of a CRD that went and came back', 404, 0, 1],
    ['later and later where the version of the list itself is', 410, 32, 64],
  ])('lists again %s', async (_, first, atLeastMs, atMostMs) => {
    server.put('old', 1);
    for (const answer of [first, first, first, first, first, first, 410])
      server.trouble.push({ with: 'watch', answer });
    const clock = { ...systemClock, monotonic: () => 0 };
    const { events } = follow({ backoff: { baseMs: 1, maxMs: 1_000 }, clock });
    const failed = () => events.filter((event) => event.type === 'failed');
    await eventually(() => expect(failed()).toHaveLength(7));
    const { failures, retryInMs } = failed()[6]!;
    expect(failures).toBe(7);
    expect(retryInMs).toBeGreaterThanOrEqual(atLeastMs);
    expect(retryInMs).toBeLessThanOrEqual(atMostMs);
  });

  test('counts what it waited for in vain as a failure, however long that was', async () => {
    for (let time = 0; time < 3; time += 1) server.trouble.push({ with: 'watch', after: 0, how: 'silence' });
    let nowMs = 0;
    const clock = { ...systemClock, monotonic: () => (nowMs += 6_000) };
    const { events } = follow({ clock, inactivityMs: 50 });
    const failed = () => events.filter((event) => event.type === 'failed');
    await eventually(() => expect(failed().length).toBeGreaterThanOrEqual(3));
    expect(
      failed()
        .slice(0, 3)
        .map(({ failures }) => failures),
    ).toEqual([1, 2, 3]);
  });

  test('survives a handler that throws', async () => {
    const seen: string[] = [];
    const onChange = ({ object }: ObjectChange) => {
      seen.push(object.metadata.name);
      throw new Error('bug');
    };
    const { store, events } = follow({ watch: { signal: stop.signal, onChange } });
    await store.whenSynced();
    server.put('a', 1);
    server.put('b', 2);
    await eventually(() => expect(seen).toEqual(['a', 'b']));
    expect(events.filter(({ type }) => type === 'handlerThrew')).toHaveLength(2);
  });

  test('ends when told to, quietly and at once', async () => {
    const { store, events, ended } = follow();
    await store.whenSynced();
    stop.abort();
    await ended;
    await store.stopped;
    expect(events.map(({ type }) => type)).toEqual(['listed']);
  });

  test.each([1, 2, 3, 4, 5, 6])('ends up with the truth after any mix of trouble (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const { store, changes, events } = follow({ inactivityMs: 30, checkMs: 0 });
    const kinds = ['drop', 'close', 'gone', 'error', 'garbage', 'silence'] as const;
    for (let step = 0; step < 400; step += 1) {
      const name = `w${randomInt(random, 12)}`;
      if (random() < 0.6) server.put(name, step);
      else server.remove(name);
      if (random() < 0.05) server.compact();
      if (random() < 0.1 && server.trouble.length < 3) {
        const how = kinds[randomInt(random, kinds.length)] ?? 'drop';
        const answer = [429, 500, 503, 410][randomInt(random, 4)] ?? 500;
        const after = randomInt(random, 5);
        server.trouble.push(
          random() < 0.7
            ? { with: 'watch', after, how }
            : { with: random() < 0.5 ? 'list' : 'watch', answer },
        );
      }
      if (step % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    server.trouble.length = 0;
    await eventually(() => expect(held(store.list())).toEqual(truth()));
    server.put('last', seed);
    await eventually(() => expect(held(store.list())).toEqual(truth()));
    expect(replay(changes)).toEqual(truth());
    // What comes late, or with the next watch, has not been missed.
    expect(events.filter(({ type }) => type === 'missed')).toEqual([]);
  });

  test('shares one connection pool among all its calls', async () => {
    for (let i = 0; i < 30; i += 1) server.put(`w${i}`, i);
    const { store } = follow();
    await store.whenSynced();
    for (let round = 0; round < 20; round += 1) {
      server.trouble.push({ with: 'watch', after: 0, how: 'close' });
    }
    await eventually(() => expect(server.requests.length).toBeGreaterThan(15));
    expect(server.connections).toBeLessThanOrEqual(2);
  });
});
