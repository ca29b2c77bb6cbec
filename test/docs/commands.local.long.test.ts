import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { lastingPort } from '../support/lasting-port.ts';
import { makeTables } from './kcl-table.ts';
import { COMMAND_BLOCKS, scriptOf } from './pages.ts';
import { DocsShell } from './shell.ts';

/*
 * The commands of the docs that need no cluster, page after page, as in one terminal: `kcg dev` goes on beside those that come after
 * it. Ports that the docs name, and those of an emulator that is not told any, are other free ones.
 */

const GROUP = `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: shop}
spec:
  stream: {name: orders}
  region: eu-west-1
`;
const [kinesis, dynamodb] = [await lastingPort(), await lastingPort()];
const PORTS: Record<string, number> = { 4567: kinesis, 4568: dynamodb };
const EMULATOR = `kcg emulator --kinesis-port ${await lastingPort()} --dynamodb-port ${await lastingPort()}`;
const here = (script: string) =>
  script.replaceAll(/\b(4567|4568)\b/g, (port) => String(PORTS[port])).replaceAll('kcg emulator', EMULATOR);

/** What a page takes for given. */
const GIVEN: Record<string, (shell: DocsShell) => Promise<unknown>> = {
  'docs/local-mode.md': async (shell) => {
    const handler = '  handler: {module: {path: handler.mjs}, retry: {maxAttempts: 0}}\n';
    shell.file('group.yaml', `${GROUP}${handler}`);
    shell.file('handler.mjs', "export default () => { throw new Error('no'); };");
  },
  'docs/opentelemetry.md': async (shell) => {
    shell.file('group.yaml', `${GROUP}  handler: {log: {}}\n`);
  },
  'docs/reset.md': async (shell) => {
    shell.file('group.yaml', `${GROUP}  handler: {log: {}}\n`);
    await shell.run(here('kcg dev -f group.yaml --kinesis-port 4567 --dynamodb-port 4568'));
  },
  'docs/move-in.md': async (shell) => {
    // Another group has the stream made; ours has its table, and KCL's is beside it.
    shell.file('other.yaml', `${GROUP.replace('name: orders', 'name: other')}  handler: {log: {}}\n`);
    await shell.run(here('kcg dev -f other.yaml --shards 2 --kinesis-port 4567 --dynamodb-port 4568'));
    const importFrom = '  checkpoints: {importFrom: {type: KCL, table: orders-app}}\n';
    shell.file('group.yaml', `${GROUP}${importFrom}  handler: {log: {}}\n`);
    const at = { kinesis: `http://127.0.0.1:${kinesis}`, dynamodb: `http://127.0.0.1:${dynamodb}` };
    await makeTables(at, 'kinesis-checkpoints-shop-orders', 'ours');
  },
};

/** Between two blocks of a page: what somebody does meanwhile. */
const MEANWHILE: Record<string, (shell: DocsShell) => Promise<unknown>> = {
  'docs/local-mode.md export': (shell) =>
    shell.run('kcg put -f group.yaml --data \'{"type":"order"}\'; until [ -d given-up ]; do sleep 0.2; done'),
};

const pages = Map.groupBy(
  COMMAND_BLOCKS.filter(({ runs }) => runs === 'local'),
  ({ page }) => page,
);

test('there are such pages, and all that is done for one is of one that is there', () => {
  expect(pages.size).toBeGreaterThan(2);
  const blocks = [...pages].flatMap(([page, all]) =>
    all.map((block) => `${page} ${here(scriptOf(block)).split(' ')[0]}`),
  );
  expect(Object.keys(MEANWHILE).filter((block) => !blocks.includes(block))).toEqual([]);
  expect(Object.keys(GIVEN).filter((page) => !pages.has(page))).toEqual([]);
});

describe.each([...pages])('%s', (page, blocks) => {
  let shell: DocsShell;
  beforeAll(async () => {
    shell = new DocsShell({ ...LOCAL_CREDENTIALS, AWS_REGION: 'eu-west-1' });
    if (page !== 'docs/local-mode.md')
      shell.set({
        AWS_ENDPOINT_URL_KINESIS: `http://127.0.0.1:${kinesis}`,
        AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${dynamodb}`,
      });
    await GIVEN[page]?.(shell);
  });
  afterAll(() => shell.close());

  for (const block of blocks) {
    const script = here(scriptOf(block));
    test(`line ${block.line}: ${script.split('\n')[0]}`, async () => {
      await shell.run(script);
      await MEANWHILE[`${page} ${script.split(' ')[0]}`]?.(shell);
    });
  }
});
