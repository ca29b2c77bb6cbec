import type { KubeObject } from '../../src/kubernetes/cluster.ts';
import { groupOf, type Groups } from './groups.ts';
import { namespaceOf, type Site } from './site.ts';

/** What is wrong with some groups, beside the others. */
export interface Trouble {
  what: string;
  begin: (site: Site, groups: Groups) => Promise<void>;
}

const GROUPS = 20;
const ROWS = 10_000;
/** Among the groups that are changed. */
const LARGE = 1;

export const TROUBLES: readonly Trouble[] = [
  {
    what: `${GROUPS} groups of an account that does not answer`,
    begin: ({ endpoints }, groups) =>
      groups.add(others('away', { endpoints: { dynamodb: endpoints.away }, checkpoints: {} })),
  },
  {
    what: `… and ${GROUPS} whose pod template the API server refuses`,
    begin: (_, groups) =>
      groups.add(
        others('refused', {
          template: { spec: { containers: [{ name: 'worker', resources: { limits: { cpu: '-1' } } }] } },
        }),
      ),
  },
  {
    what: `… and one of ${ROWS} rows`,
    begin: (site) => {
      const groupId = `${namespaceOf(LARGE)}.group-${LARGE}`;
      const table = `kinesis-checkpoints-${groupId.replaceAll('.', '-')}`;
      return site.fillRows({ groupId, table, rows: ROWS });
    },
  },
];

function others(name: string, spec: object): KubeObject[] {
  return Array.from({ length: GROUPS }, (_, index) => {
    const { metadata, spec: usual, ...rest } = groupOf(2 * index);
    return {
      ...rest,
      metadata: { ...metadata, name: `${name}-${index}` },
      spec: { ...(usual as object), ...spec },
    };
  });
}
