/* oxlint-disable import/no-unassigned-import -- a suite is there by being imported */
import { vi } from 'vitest';
import './group.suite.ts';
import './failover.suite.ts';
import './kind.suite.ts';
import './readme.suite.ts';

/*
 * All that needs a node, one after the other: a machine has one at a time, and a file that waited for its turn would hold one of two
 * places for tests. One of them alone: `vitest run test/node -t 'npm run kind'`.
 */
vi.setConfig({ testTimeout: 1_200_000 });
