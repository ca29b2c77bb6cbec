import { expect, test } from 'vitest';
import { CONDITIONS } from '../../../src/api/conditions.ts';
import { KIND } from '../../../src/api/group.ts';
import { RESET_KIND } from '../../../src/api/offset-reset.ts';
import { argoCustomization } from './judges.ts';

test('what Argo CD is told of groups names conditions and reasons that there are', () => {
  const { health: scripts, actions } = argoCustomization();
  const health = scripts.get(KIND)!;
  expect([...scripts.keys()]).toEqual([KIND, RESET_KIND]);
  const types = [...health.matchAll(/\bis\.(\w+)/g)].map(([, type]) => type);
  expect(types).toEqual(['Ready', 'Reconciling', 'Stalled', 'WorkersAvailable']);
  for (const type of types) expect(CONDITIONS).toHaveProperty([type!]);
  const failing = [...health.matchAll(/^\s+(\w+) = true,$/gm)].map(([, reason]) => reason);
  const ofHandler = Object.keys(CONDITIONS.HandlerHealthy.reasons).filter((each) => each.endsWith('Failing'));
  expect(failing).toEqual(expect.arrayContaining(ofHandler));
  for (const reason of failing) expect(CONDITIONS.Ready.reasons).toHaveProperty([reason!]);
  expect(CONDITIONS.Reconciling.reasons).toHaveProperty('ReconcilePaused');
  const offered = [...actions['discovery.lua'].matchAll(/^ {2}(\w+) = \{/gm)].map(([, name]) => name);
  expect(actions.definitions.map(({ name }) => name)).toEqual(offered);
});
