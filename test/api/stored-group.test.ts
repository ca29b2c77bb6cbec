import { describe, expect, test } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { keepsPositions, readGroupLeniently, readGroup } from '../../src/api/stored-group.ts';
import { groupOf } from './spec-table.ts';

const plain = parseGroup(groupOf({}));

describe('a group as the API server has it', () => {
  test.for<[string, Record<string, unknown>, string]>([
    ['of the spec', { breaker: { enabled: true } }, 'spec.breaker'],
    ['deeper down', { leases: { jitterPercent: 5 } }, 'spec.leases.jitterPercent'],
    ['named as what every object has', { constructor: null }, 'spec.constructor'],
    ['of an object without fields', { handler: { log: { level: 'info' } } }, 'spec.handler.log.level'],
  ])('may have a field that only a newer release knows: %s', ([, change, ignored]) => {
    const object = groupOf({ change });
    expect(parseGroup(object)).toMatchObject({ outcome: 'refused' });
    const { ignored: left, ...read } = readGroup(object);
    expect(left).toEqual([ignored]);
    expect(read).toEqual(plain);
  });

  test('keeps every field of the pod template', () => {
    const template = { spec: { containers: [{ name: 'app', comesLater: { a: 1 } }], alsoLater: true } };
    const read = readGroup(groupOf({ change: { template } }));
    expect(read).toMatchObject({ outcome: 'ok', ignored: [], group: { spec: { template } } });
  });

  test('is refused for what this release cannot do', () => {
    expect(readGroup(groupOf({ change: { handler: { lambda: { arn: 'x' } } } })).outcome).toBe('refused');
    expect(readGroup(groupOf({ change: { scaling: { mode: 'Predictive' } } })).outcome).toBe('refused');
  });
});

describe('a deleted group', () => {
  test('is cleaned up after, whatever else its spec says', () => {
    const checkpoints = {
      deletionPolicy: 'Delete',
      intervalSeconds: 0,
      table: { name: 'positions', tags: { 'aws:x': '' } },
    };
    const change = { checkpoints, handler: { lambda: {} }, scaling: { mode: 'Predictive' }, groupId: 'mine' };
    const read = readGroupLeniently(groupOf({ change }));
    expect(read).toMatchObject({
      outcome: 'ok',
      group: {
        spec: { groupId: 'mine', checkpoints: { deletionPolicy: 'Delete', table: { name: 'positions' } } },
      },
    });
  });

  test('is not, when that is what cannot be read', () => {
    const change = { checkpoints: { deletionPolicy: 'Archive' } };
    expect(readGroupLeniently(groupOf({ change })).outcome).toBe('refused');
    expect(keepsPositions(groupOf({ change }))).toBe(false);
  });

  test.for([
    [{}, true],
    [{ checkpoints: {} }, true],
    [{ checkpoints: { deletionPolicy: 'Retain' } }, true],
    [{ checkpoints: { deletionPolicy: 'Expire' } }, false],
  ] as const)('of %j keeps its positions: %s', ([change, kept]) => {
    expect(keepsPositions(groupOf({ change }))).toBe(kept);
  });
});
