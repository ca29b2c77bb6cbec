import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ARN } from '../api/spec-table.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { isRunning } from '../support/is-running.ts';
import { KCG } from '../support/kcg-program.ts';

/*
 * Group files that people get wrong, given to `kcg dev` as they would: each ends it with one line that says what to
 * change, before a server, a table or a worker was started. Every Node process notes itself, so none goes unseen.
 */

const CHECKOUT = process.cwd();
const NOTE = resolve('test/dev/fixtures/note-process.mjs');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-wrong-groups-'));
  process.chdir(folder);
  mkdirSync(join(folder, 'a-folder'));
  writeFileSync(join(folder, 'no-default.mjs'), 'export const run = async () => {};\n');
  writeFileSync(join(folder, 'throws.mjs'), "throw new Error('no database here');\n");
  writeFileSync(
    join(folder, 'later.mjs'),
    "setTimeout(() => { throw new Error('too late'); }, 0);\nawait new Promise((wake) => setTimeout(wake, 60_000));\nexport default () => {};\n",
  );
  writeFileSync(join(folder, 'holds.mjs'), 'setInterval(() => {}, 1_000);\nexport default async () => {};\n');
});
afterAll(() => {
  process.chdir(CHECKOUT);
  rmSync(folder, { recursive: true, force: true });
});

interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Arguments of each Node process, the first one included. */
  processes: string[];
}

let runs = 0;

/** `stopWhen` sees a line: Ctrl-C. */
async function kcg(args: readonly string[], stopWhen?: RegExp, input = ''): Promise<Run> {
  runs += 1;
  const noted = join(folder, `processes-${runs}`);
  const env = { ...process.env, NODE_OPTIONS: `--import ${NOTE}`, NOTED_PROCESSES: noted, FORCE_COLOR: '0' };
  const child = spawn(process.execPath, [KCG, ...args], {
    cwd: folder,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  let stdout = '';
  let stderr = '';
  let stopped = false;
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
    if (!stopped && stopWhen?.test(stdout)) stopped = child.kill('SIGINT');
  });
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  const notes = readFileSync(noted, 'utf8').trimEnd().split('\n');
  const processes = notes.map((note) => note.replace(/^\d+ /, ''));
  expect(notes.map((note) => Number.parseInt(note, 10)).filter(isRunning)).toEqual([]);
  // The runtime's own remark about its colours is none of ours.
  return { code, stdout, stderr: stderr.replace(/^\(node:\d+\) Warning: .*\n\(Use .*\n/gm, ''), processes };
}

/** Runs `kcg dev` on a file that has to be refused, in this process, and returns the line. */
async function refused(file: string): Promise<string> {
  const { code, stdout, stderr } = await kcgHere(['dev', '-f', file], process.env);
  return theLine({ code, stdout, stderr });
}

function theLine({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): string {
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^error: .+\n$/);
  return stderr.slice('error: '.length, -1);
}

/** The same as a process of its own, which may start none but the one that loads the module. */
async function refusedAlone(file: string): Promise<string> {
  const { processes, ...said } = await kcg(['dev', '-f', file]);
  expect(processes.filter((args) => !args.startsWith('dev ') && args !== 'worker --check')).toEqual([]);
  return theLine(said);
}

const GOOD = `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders}
spec:
  stream: {name: orders}
  handler: {log: {}}
`;
const put = (from: string, to: string) => GOOD.replace(from, to);
const stream = (value: string) => put('stream: {name: orders}', `stream: ${value}`);
const handler = (value: string) => put('{log: {}}', value);
const module = (path: string) => handler(`{module: {path: ${path}}}`);
const spec = (line: string) => `${GOOD}  ${line}\n`;
const APP = 'template: {spec: {containers: [{name: app}]}}';

/** What is wrong, the file, and the line: FILE stands for its name, FOLDER for where it is. */
// oxfmt-ignore
const WRONG: [name: string, text: string, line: string][] = [
  ['an unknown field', spec('streem: {}'), 'FILE: spec.streem: unknown field; did you mean stream?'],
  ['an unknown field like no other', spec('colour: red'), 'FILE: spec.colour: unknown field; the fields here are groupId, stream, region, aws, endpoints, initialPosition, range, consumer, checkpoints, leases, scaling, disruptionBudget, handler, desiredState, template'],
  ['an ARN with a short account', stream(`{arn: "${ARN.replace('123456789012', '123')}"}`), `FILE: spec.stream.arn: "${ARN.replace('123456789012', '123')}" is not in the right form; write for example ${ARN}`],
  ['stream name and ARN', stream(`{name: orders, arn: "${ARN}"}`), 'FILE: spec.stream: set exactly one of name and arn'],
  ['neither stream name nor ARN', stream('{}'), 'FILE: spec.stream: set exactly one of name and arn'],
  ['no stream', put('  stream: {name: orders}\n', ''), 'FILE: spec.stream: is required; set it to a map of fields: name, arn'],
  ['no spec', GOOD.slice(0, GOOD.indexOf('spec:')), 'FILE: spec: is required; set it to a map of fields: groupId, stream, region, aws, …'],
  ['a batch of none', handler('{log: {}, batchSize: 0}'), 'FILE: spec.handler.batchSize: 0 is too little; write at least 1'],
  ['a number in quotes', handler('{log: {}, batchSize: "100"}'), 'FILE: spec.handler.batchSize: has to be a whole number, not "100"'],
  ['no handler', put('  handler: {log: {}}\n', ''), 'FILE: spec.handler: is required; set it to a map of fields: http, module, lambda, exec, …'],
  ['a handler of no kind', handler('{}'), 'FILE: spec.handler: set exactly one of http, module, exec, lambda and log'],
  ['two handlers', `${handler('{log: {}, http: {}}')}  ${APP}\n`, 'FILE: spec.handler: set exactly one of http, module, exec, lambda and log'],
  ['an http container that is not there', `${handler('{http: {container: web}}')}  ${APP}\n`, 'FILE: spec.handler.http.container: handler.http.container is not the name of a container in template.spec.containers; add the container or name another'],
  ['a module that does not exist', module('./nowhere.mjs'), 'handler module FOLDER/nowhere.mjs does not exist. Set spec.handler.module.path to a file that the worker can read.'],
  ['a module that is a folder', module('./a-folder'), 'handler module FOLDER/a-folder is not a file. Set spec.handler.module.path to a file that the worker can read.'],
  ['a module without a default export', module('./no-default.mjs'), 'handler module FOLDER/no-default.mjs has no default export that is a function, and no Lambda function named handler. If run is a Lambda function, set spec.handler.module.export to run.'],
  ['a module that throws', module('./throws.mjs'), 'handler module FOLDER/throws.mjs cannot be loaded: Error: no database here. See what "node FOLDER/throws.mjs" prints.'],
  ['a module that ends its process', module('./later.mjs'), 'handler module FOLDER/later.mjs ended the worker: Error: too late. See what "node FOLDER/later.mjs" prints.'],
  ['Latest with a timestamp', spec('initialPosition: {type: Latest, timestamp: "2026-01-01T00:00:00Z"}'), 'FILE: spec.initialPosition: type AtTimestamp needs a timestamp, and no other type takes one'],
  ['a negative interval', spec('checkpoints: {intervalSeconds: -1}'), 'FILE: spec.checkpoints.intervalSeconds: -1 is too little; write at least 1'],
  ['a region that is none', spec('region: mars'), 'FILE: spec.region: "mars" is not in the right form; write for example eu-west-1'],
  ['a name that is too long', put('name: orders', `name: ${'n'.repeat(64)}`), 'FILE: metadata.name: 64 characters is too much; write at most 63 characters'],
  ['no name', put('{name: orders}', '{}'), 'FILE: metadata.name: is required; set it to a string'],
  ['another kind of ours', put('KinesisConsumerGroup', 'KinesisConsumersGroup'), 'FILE: kind: has to be KinesisConsumerGroup, not "KinesisConsumersGroup"'],
  ['another kind', 'apiVersion: apps/v1\nkind: Deployment\nspec: {}\n', 'FILE holds a Deployment of apps/v1. Write a KinesisConsumerGroup of kcg.dev/v1alpha1 there, and keep anything else in other files.'],
  ['another apiVersion', put('v1alpha1', 'v2'), 'FILE: apiVersion: has to be kcg.dev/v1alpha1, not "kcg.dev/v2"'],
  ['no apiVersion', GOOD.slice(GOOD.indexOf('\n') + 1), 'FILE: apiVersion: is required; set it to kcg.dev/v1alpha1'],
  ['brackets that do not close', put('{name: orders}', '{name: orders'), 'FILE is not YAML at line 4, column 1: Flow map in block collection must be sufficiently indented and end with a }. Correct the indentation, brackets or quotes there or just before.'],
  ['a tab', 'spec:\n\tstream: {}\n', 'FILE is not YAML at line 2, column 1: Tabs are not allowed as indentation. Correct the indentation, brackets or quotes there or just before.'],
  ['an alias of nothing', spec('region: *here'), 'FILE is not YAML: Unresolved alias (the anchor must be set before the alias): here. Write the value out instead of an alias.'],
  ['a key that is there twice', spec('region: eu-west-1\n  region: eu-west-2'), 'FILE: the field region is there twice, again at line 8, column 3. Remove one of the two.'],
  ['prose', 'orders, please\n', 'FILE holds a text without fields. Write a KinesisConsumerGroup of kcg.dev/v1alpha1 there, and keep anything else in other files.'],
  ['a list', '- a\n- b\n', 'FILE holds a list. Write a KinesisConsumerGroup of kcg.dev/v1alpha1 there, and keep anything else in other files.'],
  ['an empty file', '', 'FILE holds no KinesisConsumerGroup. Write one into it: apiVersion: kcg.dev/v1alpha1, kind: KinesisConsumerGroup, metadata.name and spec.'],
  ['only comments', '# to do\n---\n', 'FILE holds no KinesisConsumerGroup. Write one into it: apiVersion: kcg.dev/v1alpha1, kind: KinesisConsumerGroup, metadata.name and spec.'],
  ['a right document and a wrong one', `${GOOD}---\n${spec('streem: {}').replace('name: orders', 'name: other')}`, 'FILE, document 2: spec.streem: unknown field; did you mean stream?'],
  ['a right document and something else', `${GOOD}---\n{apiVersion: v1, kind: ConfigMap}\n`, 'FILE, document 2 holds a ConfigMap of v1. Write a KinesisConsumerGroup of kcg.dev/v1alpha1 there, and keep anything else in other files.'],
  ['a right document and one whose module is missing', `${GOOD}---\n${module('./nowhere.mjs').replace('name: orders', 'name: other')}`, 'handler module FOLDER/nowhere.mjs does not exist. Set spec.handler.module.path to a file that the worker can read.'],
  ['one group twice, the second with another stream', `${GOOD}---\n${stream('{name: others}')}`, 'FILE holds the group default/orders twice. Give one of the two another metadata.name, or remove it.'],
];

/** One of each kind runs as a process of its own too. */
const ALONE = new Set([
  'an unknown field',
  'a module that does not exist',
  'a module that ends its process',
  'prose',
]);

describe('kcg dev refuses, with one line and nothing begun,', () => {
  test.each(WRONG)('%s', async (name, text, line) => {
    const file = `${name.replaceAll(' ', '-')}.yaml`;
    writeFileSync(join(folder, file), text);
    const said = line.replaceAll('FILE', file).replaceAll('FOLDER', folder);
    expect(await refused(file)).toBe(said);
    if (ALONE.has(name)) expect(await refusedAlone(file)).toBe(said);
  });

  test('a file that is not there, and a folder', async () => {
    const fix = 'Name the YAML file of the group: -f group.yaml.';
    expect(await refused('missing.yaml')).toBe(`there is no file missing.yaml. ${fix}`);
    expect(await refused('a-folder')).toBe(`a-folder is a folder. ${fix}`);
  });
});

test('three mistakes are three lines, each with the file and the field', async () => {
  writeFileSync(
    join(folder, 'three.yaml'),
    spec('streem: {}\n  region: mars\n  checkpoints: {intervalSeconds: 0}'),
  );
  const { code, stdout, stderr } = await kcg(['dev', '-f', 'three.yaml']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  const fields = stderr
    .trimEnd()
    .split('\n')
    .map((line) => /three\.yaml: (\S+):/.exec(line)?.[1]);
  expect(new Set(fields)).toEqual(
    new Set(['spec.checkpoints.intervalSeconds', 'spec.region', 'spec.streem']),
  );
});

test('a group on standard input is read as one in a file is', async () => {
  const right = await kcg(['dev', '-f', '-', '--shards', '1', '-q'], /^orders .*Available/m, GOOD);
  expect({ code: right.code, stderr: right.stderr }).toEqual({ code: 0, stderr: '' });
  expect(right.stdout).toContain(
    'kcg leases --table kinesis-checkpoints-default-orders --group default.orders ',
  );
  const wrong = await kcg(['dev', '-f', '-'], undefined, put('stream:', 'streem:'));
  expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 2, stdout: '' });
  expect(wrong.stderr).toMatch(/^error: standard input: spec\.stream: /);
});

test('a port that is taken ends it with one line and leaves no server', async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const { port } = taken.address() as AddressInfo;
  writeFileSync(join(folder, 'good.yaml'), GOOD);
  for (const flag of ['--kinesis-port', '--dynamodb-port']) {
    const { code, stdout, stderr, processes } = await kcg(['dev', '-f', 'good.yaml', flag, String(port)]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `error: cannot listen on 127.0.0.1:${port}: the port is in use. Stop what uses the port, or choose another with ${flag} (0 = any free one).\n`,
    );
    expect(processes).toHaveLength(1);
  }
  taken.close();
});

test('two right documents run, and a module that holds a timer does not keep its worker from ending', async () => {
  const second = module('./holds.mjs').replace('{name: orders}', '{name: other}');
  writeFileSync(join(folder, 'right.yaml'), `${GOOD}---\n${second}`);
  const { code, processes } = await kcg(
    ['dev', '-f', 'right.yaml', '--shards', '1', '--quiet'],
    /^orders .* True[^\n]*\nother .* True/m,
  );
  expect(code).toBe(0);
  expect(processes.map((args) => args.replace(/ --given-up-folder=.*/, '')).toSorted()).toEqual([
    'dev -f right.yaml --shards 1 --quiet',
    'worker',
    'worker',
    'worker --check',
  ]);
});

test('a group that only a person can help says in the terminal what to do', async () => {
  writeFileSync(
    join(folder, 'external.yaml'),
    spec('checkpoints: {table: {name: shared, management: External}}'),
  );
  const { code, stdout, processes } = await kcg(['dev', '-f', 'external.yaml'], /^orders: /m);
  expect(code).toBe(0);
  expect(stdout).toContain(
    '\norders: table shared does not exist, and checkpoints.table.management is External: create it',
  );
  expect(processes).toHaveLength(1);
});
