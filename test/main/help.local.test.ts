import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { kcgHere, type CommandRun } from '../support/kcg-here.ts';
import { KCG } from '../support/kcg-program.ts';

/* The command line as its user meets it: what `--help` says, and what is said to a wrong one. */

/** As a process of its own. */
async function kcgProcess(
  args: readonly string[],
  env: Record<string, string> = {},
  output: 'pipe' | number = 'pipe',
): Promise<CommandRun> {
  const { PATH = '' } = process.env;
  // Nothing of this machine: no kubeconfig and no KCG_ variable.
  const child = spawn(process.execPath, [KCG, ...args], {
    env: { PATH, HOME: '/nowhere', ...env },
    stdio: ['ignore', output, 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code: code ?? -1, stdout, stderr };
}

const wordsOf = (line: string) => line.split(' ').filter((word) => word !== '');
const kcg = (line: string, env: Record<string, string> = {}) =>
  kcgHere(wordsOf(line), { HOME: '/nowhere', ...env });

const main = await kcg('--help');
const commands = [...main.stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name = '']) => name);

describe('help', () => {
  test.each(['', ...commands])('kcg %s --help', async (command) => {
    const { code, stdout, stderr } = await kcg(`${command} --help`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await expect(stdout).toMatchFileSnapshot(`help/kcg${command === '' ? '' : `-${command}`}.txt`);
  });

  test('of a command is asked for in three ways, and of all in four', async () => {
    expect(commands).toContain('worker');
    expect(await kcg('help worker')).toEqual(await kcg('worker -h'));
    expect(await kcg('worker --port 1 --help')).toEqual(await kcg('worker -h'));
    for (const line of ['', 'help', '-h']) expect(await kcg(line)).toEqual(main);
  });
});

// oxfmt-ignore
const WRONG: [line: string, says: string, env?: Record<string, string>][] = [
  ['wroker', "there is no command 'wroker'. Did you mean kcg worker?"],
  ['constructor', "there is no command 'constructor'. See kcg --help."],
  ['--file group.yaml', "there is no command '--file'. See kcg --help."],
  ['dev', 'dev needs the group file. Run kcg dev -f group.yaml.'],
  ['dev --shrads 3', 'there is no option --shrads. Did you mean --shards?'],
  ['dev -x', 'there is no option -x. See --help.'],
  ['dev --no-quiet', 'there is no option --no-quiet. See --help.'],
  ['dev -f', '-f needs a value. Write -f VALUE.'],
  ['resume orders --dry-run', '--dry-run needs a value. Write --dry-run none|client|server.'],
  ['dev --file --quiet', '--file needs a value. Write --file VALUE.'],
  ['dev --file=', 'dev needs the group file. Run kcg dev -f group.yaml.'],
  ['dev -f a.yaml -f b.yaml', '-f is there twice. Remove one of the two.'],
  ['dev --quiet=yes', "--quiet takes no value, not 'yes'. See --help."],
  ['dev group.yaml', "unexpected argument 'group.yaml'. Did you mean -f group.yaml?"],
  ['dev --shards many', "--shards takes a whole number from 1 to 100, not 'many'"],
  ['dev --shards -1', "--shards takes a whole number from 1 to 100, not '-1'"],
  ['cost --shards 1,000', "--shards takes a whole number from 0 to 1000000000, not '1,000'"],
  ['cost --shards 0x10', "--shards takes a whole number from 0 to 1000000000, not '0x10'"],
  ['dev --shards 1.5', "--shards takes a whole number from 1 to 100, not '1.5'"],
  ['restart orders --timeout 5x', "--timeout takes a time such as 90s, 10m or 2h, not '5x'"],
  ['restart orders --timeout 2d', "--timeout takes seconds from 1 to 86400, or a time such as 5m, not '2d'"],
  ['dev --shards=', '--shards needs a value. Write --shards N.'],
  ['dev --log-level loud', "--log-level takes one of debug, info, warn, error, silent, not 'loud'"],
  ['worker', 'KCG_WORKER_CONFIG is not set. Set KCG_WORKER_CONFIG as the operator does, or run "kcg dev -f group.yaml".'],
  ['worker --port 65536', "--port takes a whole number from 0 to 65535, not '65536'"],
  ['worker', "KCG_PORT takes a whole number from 0 to 65535, not 'http'", { KCG_PORT: 'http' }],
  ['operator', 'the image of the workers is not set. Set --worker-image or KCG_WORKER_IMAGE to the image of kcg.'],
  ['operator --worker-image x', "KCG_LEADER_ELECT takes true or false, not 'yes'", { KCG_LEADER_ELECT: 'yes' }],
  ['operator --worker-image x', 'no Kubernetes cluster is configured: no kubeconfig found, and this is not a pod. Set --kubeconfig or KUBECONFIG.'],
  ['operator --worker-image x --kubeconfig /nowhere', "no Kubernetes cluster is configured: ENOENT: no such file or directory, open '/nowhere'. Set --kubeconfig or KUBECONFIG."],
  ['get --server nonsense', "--server takes a URL such as http://127.0.0.1:8000, not 'nonsense'"],
  ['leases --table x --dynamodb-endpoint localhost:8000', "--dynamodb-endpoint takes a URL such as http://127.0.0.1:8000, not 'localhost:8000'"],
  ['leases --dynamodb-endpoint', '--dynamodb-endpoint needs a value. Write --dynamodb-endpoint URL.'],
  ['leases a b', "unexpected argument 'b'. See --help."],
  ['status orders -l team=a', 'status takes names or -l, not both. Leave out orders or -l.'],
  ['describe orders -A', 'describe takes names of one namespace, not of all. Name it with -n, or choose with -l.'],
  ['iam orders clicks -l team=a', 'iam takes names or -l, not both. Leave out orders or -l.'],
  ['logs orders -l team=a', 'logs takes names or -l, not both. Leave out orders or -l.'],
  ['logs orders -A', 'logs takes names of one namespace, not of all. Name it with -n, or choose with -l.'],
  ['pause orders -A', 'pause takes names of one namespace, not of all. Name it with -n, or choose with -l.'],
  ...['status', 'tail', 'reset', 'redrive', 'import', 'compare', 'leases'].map((verb): [string, string] => [
    `${verb} orders --group a.b`,
    `${verb} takes the name of a resource or --group, not both. Leave out orders or --group.`,
  ]),
  ['tail', 'tail needs to know the group. Run kcg tail NAME -n NAMESPACE or kcg tail -f group.yaml, or name --stream.'],
  ['import --group a.b --stream a --type KCL', 'nothing says where the positions of KCL are. Name the table with --from.'],
  ['compare --group a.b --stream a --type KCL', 'nothing says where the positions of KCL are. Name the table with --with.'],
  ['import --group a.b --stream a --type EventSourceMapping', 'nothing says until when the event source mapping has processed. Name the time with --processed-until 2026-11-29T08:00:00Z.'],
  ['put --stream a --data-file /nowhere', '/nowhere cannot be read: ENOENT: no such file or directory. Name another with --data-file.'],
  ['preflight -f examples/quickstart.yaml --kubeconfig /nowhere', "no Kubernetes cluster is configured: ENOENT: no such file or directory, open '/nowhere'. Set --kubeconfig or KUBECONFIG."],
  ['install', 'install takes the folder to copy to. Write kcg install DIR.'],
];

describe('a wrong command line ends with code 2 and one line:', () => {
  test.each(WRONG)('kcg %s: %s', async (line, says, env) => {
    expect(await kcg(line, env)).toEqual({ code: 2, stdout: '', stderr: `error: ${says}\n` });
  });
});

test('kcg redrive of a group without a region takes any that a named server serves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'group.yaml');
  const spec = { stream: { name: 'orders' }, handler: { log: {} } };
  const group = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders' },
    spec,
  };
  await writeFile(file, JSON.stringify(group));
  const { code, stderr } = await kcg(
    `redrive -f ${file} --from ${folder} --kinesis-endpoint http://127.0.0.1:1`,
  );
  expect(stderr).toMatch(/^error: 127\.0\.0\.1:1 cannot be reached .*\(stream orders in us-east-1\)/);
  expect(code).toBe(1);
});

test('a process of its own says the same, and ends with the same code', async () => {
  for (const line of ['--help', 'worker --help', 'wroker', 'dev', 'operator --worker-image x']) {
    expect(await kcgProcess(wordsOf(line))).toEqual(await kcg(line));
  }
});

test('what cannot be written, as the disk is full, is an error', async () => {
  const full = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(full));
  expect(await kcgProcess(['--help'], {}, full)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'error: the output cannot be written: ENOSPC: no space left on device\n',
  });
});

describe('what ended a process is left in the file that the kubelet reads,', () => {
  test('when there is one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kcg-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'termination-log');
    const { stderr } = await kcg('worker', { KCG_LAST_WORDS: path });
    expect(await readdir(folder)).toEqual([]);
    await writeFile(path, '');
    expect(await kcg('worker', { KCG_LAST_WORDS: path })).toMatchObject({ code: 2, stderr });
    expect(`error: ${await readFile(path, 'utf8')}`).toBe(stderr);
  });
});
