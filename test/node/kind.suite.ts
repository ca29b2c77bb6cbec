import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  appendFileSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CLUSTER_HOME } from '../cluster/find-programs.ts';
import { requireToolInCi } from '../cluster/find-tool.ts';
import { describeWithCluster } from '../support/control-plane.ts';
import { NODE_UP_MS, startNodeCluster, type NodeCluster } from '../support/node-cluster.ts';
import { until } from '../support/until.ts';

/*
 * `npm run kind` as its user runs it (docs/kind.md), in a copy of the checkout: deploy/kind/kind.sh with the real kind, kubectl and Helm, on the test
 * cluster's node. In place of Docker there is a program that answers kind as a container of its node image would.
 */
const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const API_ADDRESS = '10.96.0.1';

describeWithCluster('npm run kind', 'node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-kind-'));
  const checkout = join(folder, 'checkout');
  const kubeconfig = join(folder, 'kubeconfig');
  let cluster: NodeCluster;
  let api: Server;

  beforeAll(async () => {
    if (requireToolInCi('kind') === undefined)
      throw new Error('kind is missing: bash test/cluster/build kind');
    await run('bash', [join(ROOT, 'test/cluster/images')]);
    cluster = await startNodeCluster({ dns: true });
    // Where kind says the API server is.
    api = createServer((socket) => {
      const server = connect(443, API_ADDRESS);
      socket.on('error', () => server.destroy()).pipe(server);
      server.on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    const { stdout: files } = await run('git', ['ls-files', '-z'], { cwd: ROOT, maxBuffer: 1 << 24 });
    for (const file of files.split('\0').filter((name) => name !== ''))
      cpSync(join(ROOT, file), join(checkout, file));
    symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
    writeFileSync(join(folder, 'admin.conf'), readFileSync(cluster.kubeconfig, 'utf8'));
  }, NODE_UP_MS);
  afterAll(async () => {
    api?.close();
    await cluster?.stop();
    rmSync(folder, { recursive: true });
  });

  async function kind(args: string[] = [], more: Record<string, string> = {}): Promise<string> {
    const { HOME = '/', PATH = '' } = process.env;
    const BIN = join(CLUSTER_HOME, 'bin');
    const env = {
      HOME,
      PATH: [join(import.meta.dirname, 'kind'), BIN, PATH].join(delimiter),
      KUBECONFIG: kubeconfig,
      STAND_IN: folder,
      API_PORT: String((api.address() as AddressInfo).port),
      CLUSTER_HOME,
      STAND_IN_HOME: HOME,
      ...more,
    };
    const { stdout } = await run('npm', ['run', '--silent', 'kind', '--', ...args], { cwd: checkout, env });
    return stdout;
  }
  const kubectl = async (line: string) => (await cluster.kubectl(line.split(' '))).stdout;
  const calls = (pattern: RegExp) =>
    readFileSync(join(folder, 'calls'), 'utf8')
      .split('\n')
      .filter((line) => pattern.test(line)).length;

  test('ends with a group that is ready and gets what the producer puts', async () => {
    expect(await kind()).toMatch(/^orders +orders +2\/2 .* True +Available/m);
    const logs = () => kubectl('logs -n shop -l kcg.dev/group=orders -c app --tail=-1');
    await until('both shards get records', async () => {
      const text = await logs();
      return ['0', '1'].every((n) => text.includes(`shardId-00000000000${n} `));
    });
    expect(await logs()).toContain('{"type":"order"}');
  });

  test('run again after the emulator has lost all makes the group begin anew, and touches nothing else', async () => {
    const others = () => kubectl('get pods -A -l app!=emulator,!kcg.dev/group -o name');
    const uid = () => kubectl('get kcg orders -n shop -o jsonpath={.metadata.uid}');
    const before = { others: await others(), uid: await uid() };
    await kubectl('delete pod -n emulator -l app=emulator');
    expect(await kind(['up'])).toMatch(/ True +Available/);
    expect(await others()).toBe(before.others);
    expect(await uid()).not.toBe(before.uid);
    expect(calls(/^run /)).toBe(1);
  });

  test('run again after a change rolls the new image out, and the group goes on', async () => {
    const images = 'get pods -A -l app!=emulator -o jsonpath={.items[*].spec.containers[*].image}';
    const imagesOf = async () => (await kubectl(images)).split(' ');
    const uid = await kubectl('get kcg orders -n shop -o jsonpath={.metadata.uid}');
    const [before] = await imagesOf();
    appendFileSync(join(checkout, 'scripts/build-image.ts'), '// changed\n');
    // Where Debian's packages cannot be fetched, Docker builds it. The rest of the cache is there: npm would ask for Node for a minute.
    const cache = join(homedir(), '.cache/kcg');
    mkdirSync(join(folder, '.cache/kcg'), { recursive: true });
    for (const name of readdirSync(cache).filter((each) => each.startsWith('image-node-')))
      symlinkSync(join(cache, name), join(folder, '.cache/kcg', name));
    const absent = { HOME: folder, KCG_DEBIAN_MIRROR: pathToFileURL(join(folder, 'absent')).href };
    expect(await kind([], absent)).toMatch(/ True +Available/);
    expect(calls(/^build --platform linux\/\w+ -f deploy\/image\/Dockerfile -t localhost\/kcg:\d+ \.$/)).toBe(
      1,
    );
    await until('nothing runs the old image', async () => !(await imagesOf()).includes(before!));
    expect(new Set(await imagesOf()).size).toBe(1);
    expect(await kubectl('get kcg orders -n shop -o jsonpath={.metadata.uid}')).toBe(uid);
  });

  test('down takes the cluster away, and its context', async () => {
    expect(readFileSync(kubeconfig, 'utf8')).toContain('kind-kcg');
    await kind(['down']);
    expect(calls(/^rm .*kcg-control-plane$/)).toBe(1);
    expect(readFileSync(kubeconfig, 'utf8')).not.toContain('kind-kcg');
  });
});
