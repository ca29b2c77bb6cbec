import { afterEach, describe, expect, it, test } from 'vitest';
import type { ForeignPositions } from '../../src/import/foreign-store.ts';
import { ImportRun } from '../../src/import/import-run.ts';
import { planImport } from '../../src/import/plan-import.ts';
import { undoImportOf } from '../../src/import/undo-import.ts';
import { decodeClaim } from '../../src/leases/claim.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import type { ImportRequest } from '../../src/operator/position-import.ts';
import { somePositions } from '../import/foreign-builders.ts';
import { Harness, NAME } from './reconcile-harness.ts';

let h: Harness;
let foreign: ForeignPositions;
let sourceError: KcgError | undefined;
let requests: ImportRequest[];
let closed: number;
let looks: number;
afterEach(() => h.close());

const FROM = { type: 'KCL', table: 'orders-app' };
const withImport = (importFrom: Record<string, unknown> = FROM) => ({ checkpoints: { importFrom } });

/** A stream of three shards, of which the other consumer has read one a little and the others not at all. */
function open(): void {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  const { shards } = h.kinesis.listShards('orders');
  const [first] = shards;
  foreign = {
    ...somePositions([
      {
        shardId: first!.shardId,
        point: { at: 'SEQUENCE', sequence: first!.startingSequence },
        owner: 'theirs-1',
        movement: '1',
      },
    ]),
    expiryMs: 10_000,
  };
  sourceError = undefined;
  requests = [];
  looks = 0;
  closed = 0;
  h.openImport = (request) => {
    requests.push(request);
    const source = {
      name: 'KCL table orders-app',
      look: async ({ nowMs }: { nowMs: number }) => {
        looks += 1;
        if (sourceError) throw sourceError;
        const plan = planImport({ foreign, shards, initialPosition: { at: 'TRIM_HORIZON' }, nowMs });
        return { foreign, plan, rows: undefined };
      },
      close: () => {},
    };
    const run = new ImportRun({
      table: request.table,
      source: request.spec.checkpoints.importFrom && source,
      clock: h.clock,
      random: seededRandom(1),
      leaseDurationMs: 15_000,
    });
    return { step: (signal) => run.step(signal), close: () => (closed += 1) };
  };
}
const move = () =>
  (foreign = {
    ...foreign,
    movement: `${foreign.movement}+`,
    positions: foreign.positions.map((position) => ({ ...position, movement: `${position.movement}+` })),
  });
const create = (spec: Record<string, unknown> = withImport()) => h.create(spec);
const rowsOfShards = () =>
  h
    .table()
    .rows()
    .filter(({ shard_id }) => !shard_id.includes('#'));
const events = () => h.cluster.events.map(({ reason }) => reason);
/** Passes until the workers run. */
async function settle(): Promise<void> {
  for (let pass = 0; pass < 20 && (await h.replicas()) !== 3; pass += 1) {
    const inMs = await h.reconcile().catch(() => 2_000);
    await h.clock.advance(inMs ?? 2_000);
  }
}

describe('a group that is to begin with the positions of another consumer', () => {
  it('has no worker before they are imported, and all of them after', async () => {
    open();
    create();
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('False ImportWaiting');
    expect(await h.condition('Ready')).toBe('False ImportWaiting');
    expect(await h.condition('Stalled')).toBe('False NotStalled');
    expect(await h.deployment()).toBeUndefined();
    expect(rowsOfShards()).toEqual([]);
    await h.clock.advance(10_000);
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('True Imported');
    expect(rowsOfShards()).toHaveLength(3);
    expect(await h.replicas()).toBe(3);
    expect((await h.status()).imported).toMatchObject({ from: 'KCL table orders-app', shards: 3 });
    expect(events()).toContain('PositionsImported');
  });

  it('lets go of the other’s store when it is deleted before that', async () => {
    open();
    create();
    await h.converge();
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(closed).toBe(1);
  });

  it('is told of one that lives, once, and goes on by itself when it has been stopped', async () => {
    open();
    create();
    await h.converge();
    for (let look = 0; look < 5; look += 1) {
      await h.clock.advance(4_000);
      move();
      await h.reconcile();
    }
    expect(await h.condition('Ready')).toBe('False SourceLive');
    expect(await h.message('PositionsImported')).toContain('theirs-1');
    expect(events().filter((reason) => reason === 'SourceLive')).toHaveLength(1);
    const { length } = h.kubeWrites();
    move();
    await h.reconcile();
    expect(h.kubeWrites()).toHaveLength(length);
    await settle();
    expect(await h.condition('PositionsImported')).toBe('True Imported');
    expect(await h.replicas()).toBe(3);
  });

  it.each([
    ['NotFound', 'SourceNotFound', 'True'],
    ['AccessDenied', 'SourceAccessDenied', 'False'],
    ['Unavailable', 'SourceUnreachable', 'False'],
  ] as const)('has no worker while the source answers %s, and says so', async (code, reason, stalled) => {
    open();
    sourceError = new KcgError(code, 'no table orders-app');
    create();
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe(`False ${reason}`);
    expect(await h.condition('Stalled')).toBe(stalled === 'True' ? `True ${reason}` : 'False NotStalled');
    expect(await h.deployment()).toBeUndefined();
    sourceError = undefined;
    await settle();
    expect(await h.condition('Ready')).not.toBe(`False ${reason}`);
    expect(await h.replicas()).toBe(3);
  });

  it('asks the source nothing more once it is over, also of an operator that comes anew', async () => {
    open();
    create();
    await settle();
    await h.runWorkers();
    await h.converge();
    const before = looks;
    h.restart();
    await h.converge();
    h.setGroup((spec) => (spec['checkpoints'] = { importFrom: { ...FROM, table: 'another-app' } }));
    await h.converge();
    expect(looks).toBe(before);
    expect(await h.condition('PositionsImported')).toBe('True Imported');
    expect(await h.replicas()).toBe(3);
  });

  it('corrects the source by a change of the spec', async () => {
    open();
    sourceError = new KcgError('NotFound', 'no table orders-ap');
    create(withImport({ ...FROM, table: 'orders-ap' }));
    await h.converge();
    sourceError = undefined;
    h.setGroup((spec) => Object.assign(spec, withImport()));
    await settle();
    expect(requests.map(({ spec }) => spec.checkpoints.importFrom?.table)).toEqual([
      'orders-ap',
      'orders-app',
    ]);
    expect(await h.replicas()).toBe(3);
  });

  it('does not import while it is stopped, and is as ready as a stopped group', async () => {
    open();
    create({ ...withImport(), desiredState: 'Stopped' });
    await h.converge();
    await h.clock.advance(60_000);
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('False ImportStopped');
    expect(await h.condition('Ready')).toBe('True Stopped');
    expect(looks).toBe(0);
    h.setGroup((spec) => (spec['desiredState'] = 'Running'));
    await settle();
    expect(await h.condition('PositionsImported')).toBe('True Imported');
  });

  it('with positions of its own goes on with those', async () => {
    open();
    create({});
    await h.converge();
    expect(await h.condition('PositionsImported')).toBeUndefined();
    await h.runWorkers();
    h.setGroup((spec) => Object.assign(spec, withImport()));
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('True ImportNotNeeded');
    expect(await h.replicas()).toBe(3);
    expect(looks).toBe(0);
    h.setGroup((spec) => delete spec['checkpoints']);
    await h.converge();
    expect(await h.condition('PositionsImported')).toBeUndefined();
  });

  it('keeps its workers when the rows cannot be read by an operator that comes anew', async () => {
    open();
    create();
    await settle();
    await h.runWorkers();
    h.restart();
    h.rowFault = new KcgError('Unavailable', 'no answer');
    await h.reconcile().catch(() => {});
    expect(await h.replicas()).toBe(3);
  });

  it('after an undo of a stopped group imports anew', async () => {
    open();
    create();
    await settle();
    await h.runPods();
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    await h.runPods();
    await undoImportOf({ table: h.table(), livingOf: () => [], signal: new AbortController().signal });
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('False ImportStopped');
    h.setGroup((spec) => (spec['desiredState'] = 'Running'));
    await settle();
    expect(events().filter((reason) => reason === 'PositionsImported')).toHaveLength(2);
    expect(rowsOfShards()).toHaveLength(3);
  });
});

describe('the password of Redis', () => {
  const redis = { type: 'AsyncKinesis', url: 'redis://redis', passwordSecretRef: { name: 'redis' } };
  const secret = (data: Record<string, string>) =>
    h.cluster.create(KINDS.secret, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'shop', name: 'redis' },
      data,
    });

  it('comes from the Secret, and is waited for', async () => {
    open();
    create(withImport(redis));
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('False SourceCredentials');
    expect(await h.message('PositionsImported')).toContain('there is no key password of Secret shop/redis');
    secret({ password: Buffer.from('geheim').toString('base64') });
    await settle();
    expect(requests.at(-1)?.password).toBe('geheim');
    expect(await h.condition('PositionsImported')).toBe('True Imported');
  });

  it('is not asked for once positions are there, also by an operator that comes anew', async () => {
    open();
    secret({ password: Buffer.from('geheim').toString('base64') });
    create(withImport(redis));
    await settle();
    await h.runWorkers();
    h.cluster.remove(KINDS.secret, { namespace: 'shop', name: 'redis' });
    h.restart();
    await h.converge();
    expect(await h.condition('PositionsImported')).toBe('True Imported');
    expect(await h.replicas()).toBe(3);
  });

  it('that may not be read is told, with what to allow', async () => {
    open();
    h.faults.set('get Secret', new KcgError('AccessDenied', 'secrets is forbidden'));
    create(withImport(redis));
    await h.converge();
    expect(await h.message('PositionsImported')).toContain(
      'Give its ServiceAccount a Role in shop that may get this Secret',
    );
    expect(await h.deployment()).toBeUndefined();
  });
});

test.each(
  ['claim group', 'put snapshot part', 'begin import', 'put imported shard', 'finish import'].flatMap(
    (name) => [
      [name, 'before'],
      [name, 'after'],
    ],
  ) as [string, 'before' | 'after'][],
)(
  'an operator that ends at "%s", %s its effect, leaves nothing that workers could start from, and the next ends it',
  async (name, when) => {
    open();
    create();
    const table = h.table();
    const write = table.write.bind(table);
    let isOver = false;
    table.write = async (row, options) => {
      if (isOver || row.name !== name) return write(row, options);
      isOver = true;
      if (when === 'after') await write(row, options);
      throw new KcgError('Timeout', 'no answer');
    };
    for (let pass = 0; pass < 20 && !isOver; pass += 1) {
      const inMs = await h.reconcile().catch(() => 1_000);
      if (!isOver) await h.clock.advance(inMs ?? 1_000);
    }
    expect(isOver).toBe(true);
    expect(await h.deployment()).toBeUndefined();
    h.restart();
    await settle();
    expect(await h.replicas()).toBe(3);
    expect(rowsOfShards()).toHaveLength(3);
    const claim = decodeClaim((await table.get('group#claim', { consistent: true }))!);
    expect(claim.imported?.state).toBe('done');
  },
);
