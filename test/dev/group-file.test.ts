import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readGroups } from '../../src/dev/group-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'kcg-group-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const group = (name: string, spec: object = {}) => ({
  apiVersion: 'kcg.dev/v1alpha1',
  kind: 'KinesisConsumerGroup',
  metadata: { name, namespace: 'shop', uid: 'u', resourceVersion: '1' },
  spec: { stream: { name: 'orders' }, handler: { log: {} }, ...spec },
  status: { groupId: `shop.${name}` },
});

function read(list: object) {
  const file = join(folder, 'groups.yaml');
  writeFileSync(file, JSON.stringify(list));
  return readGroups(file);
}

describe('a list of groups, as kubectl get -o yaml writes it,', () => {
  test.each([
    ['v1', 'List'],
    ['kcg.dev/v1alpha1', 'KinesisConsumerGroupList'],
  ])('%s %s, is the groups that it holds', async (apiVersion, kind) => {
    const groups = await read({ apiVersion, kind, items: [group('orders'), group('clicks')] });
    expect(groups.map(({ metadata }) => metadata.name)).toEqual(['orders', 'clicks']);
  });

  test('is refused for an item, by its number, and when it is empty', async () => {
    const list = { apiVersion: 'v1', kind: 'List' };
    const wrong = read({ ...list, items: [group('orders'), group('clicks', { streem: {} })] });
    await expect(wrong).rejects.toThrow(
      'groups.yaml, item 2: spec.streem: unknown field; did you mean stream?',
    );
    const twice = read({ ...list, items: [group('orders'), group('orders')] });
    await expect(twice).rejects.toThrow('holds the group shop/orders twice');
    await expect(read({ ...list, items: [] })).rejects.toThrow('holds no KinesisConsumerGroup');
  });
});
