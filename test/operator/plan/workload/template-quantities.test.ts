import { expect, test } from 'vitest';
import { quantityProblems } from '../../../../src/operator/plan/workload/template-quantities.ts';
import { templateProblems } from '../../../../src/operator/plan/workload/worker-template.ts';

const withMemory = (memory: unknown) => ({
  spec: { containers: [{ name: 'app', resources: { limits: { memory } } }] },
});

test.each(['512Mi', '0.5', '500m', '1e9', '1E3', '2E', '1.5Gi', '+1k', '.5', '5.', 512, 0.5, null])(
  'the quantity %s is one',
  (memory) => {
    expect(quantityProblems(withMemory(memory))).toEqual([]);
  },
);

test.each(['512mb', '512MB', '512 Mi', '1g', '', 'half', '1KiB', true])(
  'the quantity %j is named with its field and with one that is right',
  (memory) => {
    expect(quantityProblems(withMemory(memory))).toEqual([
      `spec.template.spec.containers[0].resources.limits.memory: ${JSON.stringify(memory)} is no quantity; write for example 512Mi, or 500m of cpu`,
    ]);
  },
);

test('all containers are looked at, whatever the handler', () => {
  const resources = { requests: { cpu: '1 core' } };
  const template = { spec: { initContainers: [{ name: 'kcg-install', resources }], containers: 'none' } };
  const problems = templateProblems({ handler: { kind: 'log' }, template });
  expect(problems.join()).toContain('spec.template.spec.initContainers[0].resources.requests.cpu: "1 core"');
});
