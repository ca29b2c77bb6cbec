import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, onTestFinished, vi } from 'vitest';
import type { KinesisConsumerGroup } from '../../src/api/group.ts';
import { readGroups } from '../../src/dev/group-file.ts';
import { stampsOf } from '../../src/dev/watch-files.ts';
import { followFile } from '../../src/main/local/follow-file.ts';

test('what the group file says now is applied; what is wrong or fixed is told, and nothing of it applied', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-follow-'));
  const file = join(folder, 'group.yaml');
  const group = (name: string, spec = '') =>
    `{apiVersion: kcg.dev/v1alpha1, kind: KinesisConsumerGroup, metadata: {name: ${name}}, spec: {stream: {name: ${name}}, handler: {log: {}}${spec}}}`;
  const write = (...groups: string[]) => {
    // As editors do: a new file in place of the old.
    writeFileSync(join(folder, 'new'), groups.join('\n---\n'));
    renameSync(join(folder, 'new'), file);
  };
  write(group('orders'), group('clicks'));
  const running = (await readGroups(file)).map((each) => ({ group: each, changes: 0 }));
  running[0]!.changes = 2;
  const applied: KinesisConsumerGroup[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const local = { apply: async (each: KinesisConsumerGroup) => void applied.push(each) };
  const say = (line: string) => said.push(line);
  const following = followFile({ file, running, local, require: () => {}, say }, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await following;
    rmSync(folder, { recursive: true });
  });
  const PATIENT = { timeout: 120_000, interval: 20 };
  const change = async (...groups: string[]) => {
    const before = said.length;
    write(...groups);
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(before), PATIENT);
    return said.at(-1);
  };
  const told = await change(group('orders', ', desiredState: Paused'), group('clicks'));
  expect(told).toBe(`${file} has changed: orders becomes as it says now`);
  await vi.waitFor(() => expect(applied).toHaveLength(1), PATIENT);
  expect(applied[0]!.spec).toMatchObject({
    desiredState: 'Paused',
    template: { metadata: { annotations: { 'module-changes': '2' } } },
  });
  const paused = group('orders', ', desiredState: Paused');
  expect(await change(paused, group('clicks', ', desiredstate: Paused'))).toMatch(
    /spec\.desiredstate: unknown field; did you mean desiredState\? What runs goes on as it was\.$/,
  );
  expect(await change(paused, group('clicks', ', leases: {durationSeconds: 1}'))).toMatch(
    /write at least 5\. What runs goes on as it was\.$/,
  );
  const tables = (name: string) => group('clicks', `, checkpoints: {table: {name: ${name}}}`);
  expect(await change(group('orders'), tables('other'))).toBe(
    `${file}: clicks has another table, which cannot change while it runs. Start kcg dev again. What runs goes on as it was.`,
  );
  expect(await change(paused)).toMatch(/it holds other groups than before, which cannot change/);
  expect(applied).toHaveLength(1);
  await change(group('orders'), group('clicks'));
  await vi.waitFor(() => expect(applied).toHaveLength(2), PATIENT);
  expect(applied[1]!.spec.desiredState).toBe('Running');
});

test('what was edited between the first reading and the watching is applied too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-follow-'));
  const file = join(folder, 'group.yaml');
  const text = (spec: string) =>
    `{apiVersion: kcg.dev/v1alpha1, kind: KinesisConsumerGroup, metadata: {name: orders}, spec: {stream: {name: orders}, handler: {log: {}}${spec}}}`;
  writeFileSync(file, text(''));
  const since = stampsOf([file]);
  const running = (await readGroups(file)).map((group) => ({ group, changes: 0 }));
  writeFileSync(file, text(', desiredState: Paused'));
  const applied: KinesisConsumerGroup[] = [];
  const stop = new AbortController();
  const local = { apply: async (each: KinesisConsumerGroup) => void applied.push(each) };
  const following = followFile(
    { file, since, running, local, require: () => {}, say: () => {} },
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort();
    await following;
    rmSync(folder, { recursive: true });
  });
  await vi.waitFor(() => expect(applied).toHaveLength(1), { timeout: 120_000, interval: 20 });
  expect(applied[0]!.spec.desiredState).toBe('Paused');
});
