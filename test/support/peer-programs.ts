import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/* Other people's programs for the long tests, in pinned versions, installed once into ~/.cache/kcg. */

const run = promisify(execFile);
const CACHE = join(homedir(), '.cache/kcg');

/** A folder made by `fill` from nothing, or as an earlier run left it. What `from` says decides which. Who else wants it waits. */
async function cached(
  name: string,
  from: string,
  fill: (folder: string) => Promise<unknown>,
): Promise<string> {
  const folder = join(CACHE, `${name}-${createHash('sha256').update(from).digest('hex').slice(0, 12)}`);
  const isDone = () => existsSync(join(folder, 'done'));
  if (isDone()) return folder;
  await mkdir(CACHE, { recursive: true });
  const unlock = await locked(`${folder}.lock`);
  try {
    if (isDone()) return folder;
    const anew = async () => {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await fill(folder);
    };
    // Most of it comes over a network, where one of a thousand files may not come at once.
    await anew().catch(anew);
    await mkdir(join(folder, 'part'), { recursive: true });
    await rename(join(folder, 'part'), join(folder, 'done'));
    return folder;
  } finally {
    unlock();
  }
}

/** @returns what gives the lock back; the end of this process does, too */
async function locked(file: string): Promise<() => void> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve) => {
    holder.stdout.once('data', resolve);
    // Where there is no flock, nobody waits.
    holder.once('error', resolve);
  });
  return () => holder.stdin.end();
}

/** Folder of the programs of these Python packages (`moto[server]==5.2.5`). */
export async function pythonPrograms(...packages: string[]): Promise<string> {
  const folder = await cached('python', packages.join(' '), async (folder) => {
    await run('python3', ['-m', 'venv', folder]);
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...packages]);
  });
  return join(folder, 'bin');
}

/** Folder of a Python package's source as published, for PYTHONPATH: its own installation may want more than it needs. */
export async function pythonSource(name: string, version: string): Promise<string> {
  const folder = await cached('source', `${name}==${version}`, async (folder) => {
    const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', '-d', folder];
    await run('python3', [...download, `${name}==${version}`]);
    await run('tar', ['-xzf', join(folder, `${name}-${version}.tar.gz`), '-C', folder]);
  });
  return join(folder, `${name}-${version}`);
}

/** Folder of an npm package (`kinesis-local@0.6.2`) as installed. */
export async function npmPackage(name: string, version: string): Promise<string> {
  const folder = await cached('npm', `${name}@${version}`, (folder) =>
    run('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${version}`]),
  );
  return join(folder, 'node_modules', name);
}

/** Folder with the packages of the `package.json` of this one, and its files as they are now. */
export async function npmProject(folder: string): Promise<string> {
  const packages = await readFile(join(folder, 'package.json'), 'utf8');
  const copy = await cached('npm-project', packages, async (copy) => {
    await cp(folder, copy, { recursive: true });
    await run('npm', ['install', '--no-audit', '--no-fund', '--silent'], {
      cwd: copy,
      maxBuffer: MAX_BUILD_OUTPUT,
    });
  });
  await cp(folder, copy, { recursive: true });
  return copy;
}

/** Program of a Go module, without any C library. */
export async function goProgram(folder: string): Promise<string> {
  const copy = await cachedBuild('go-program', folder, async (copy) => {
    await run('go', ['mod', 'tidy'], { cwd: copy });
    await run('go', ['build', '-o', 'program', '.'], {
      cwd: copy,
      env: { ...process.env, CGO_ENABLED: '0' },
    });
  });
  return join(copy, 'program');
}

/**
 * Folder of the programs of a Go module, one for each of its folders, with the versions that its go.sum pins. Built as the test
 * cluster is, so that what they have in common is in Go's cache.
 */
export async function goPrograms(folder: string): Promise<string> {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-modcacherw -buildvcs=false' };
  const copy = await cachedBuild('go-programs', folder, (copy) =>
    run('go', ['build', '-C', copy, '-trimpath', '-ldflags', '-s -w', '-o', 'bin/', './...'], {
      env,
      maxBuffer: MAX_BUILD_OUTPUT,
    }),
  );
  return join(copy, 'bin');
}

/** A program of a Go module (`oras.land/oras/cmd/oras@v1.3.0`), with the versions that its own go.sum pins. */
export async function goTool(pinned: string): Promise<string> {
  const folder = await cached('go-tool', pinned, (folder) =>
    run('go', ['install', '-trimpath', '-ldflags', '-s -w', pinned], {
      cwd: folder,
      env: { ...process.env, GOBIN: join(folder, 'bin'), CGO_ENABLED: '0', GOFLAGS: '-modcacherw' },
      maxBuffer: MAX_BUILD_OUTPUT,
    }),
  );
  return join(folder, 'bin', pinned.replace(/^.*\/|@.*$/g, ''));
}

/** Folder of a Go module's files, without what it depends on. */
export async function goModule(module: string, version: string): Promise<string> {
  const folder = await cached('go-module', `${module}@${version}`, (folder) =>
    run('go', ['mod', 'download', `${module}@${version}`], {
      cwd: folder,
      // Kept as they are, and removable.
      env: { ...process.env, GOMODCACHE: join(folder, 'modules'), GOFLAGS: '-mod=mod -modcacherw' },
    }),
  );
  return join(folder, 'modules', `${module}@${version}`);
}

/** Program of a Cargo package. */
export async function cargoProgram(folder: string, name: string): Promise<string> {
  const copy = await cachedBuild('cargo-program', folder, (copy) =>
    run('cargo', ['build', '--quiet', '--release'], { cwd: copy, maxBuffer: MAX_BUILD_OUTPUT }),
  );
  return join(copy, 'target/release', name);
}

/** Class path of the classes in `src`, with their dependencies in `pom.xml`. */
export async function javaProgram(folder: string, ...sources: string[]): Promise<string> {
  const dependencies = await mavenClassPath(join(folder, 'pom.xml'));
  const copy = await cachedBuild('java-program', folder, (copy) =>
    run('javac', ['-cp', dependencies, '-d', 'out', ...sources.map((name) => join('src', name))], {
      cwd: copy,
    }),
  );
  return `${join(copy, 'out')}:${dependencies}`;
}

const MAX_BUILD_OUTPUT = 64 * 1024 * 1024;

/** A copy of `folder` with what `build` makes there, for as long as its files stay as they are. */
async function cachedBuild(
  name: string,
  folder: string,
  build: (copy: string) => Promise<unknown>,
): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.sort().map((file) => readFile(file, 'utf8')));
  return cached(name, texts.join('\n'), async (copy) => {
    await cp(folder, copy, { recursive: true });
    await build(copy);
  });
}

/** Class path of a Maven project's dependencies. */
export async function mavenClassPath(pom: string): Promise<string> {
  const folder = await cached('maven', await readFile(pom, 'utf8'), (folder) =>
    run('mvn', [
      '-B',
      '-q',
      '-f',
      pom,
      'dependency:build-classpath',
      `-Dmdep.outputFile=${join(folder, 'class-path')}`,
    ]),
  );
  return readFile(join(folder, 'class-path'), 'utf8');
}

/** Why a program cannot be given a network of its own here, with loopback alone; nothing when it can. */
export function namespaceProblem(): string | undefined {
  try {
    execFileSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
    return undefined;
  } catch (error) {
    return `it needs a network namespace (${(error as Error).message})`;
  }
}

export interface PeerProgram {
  child: ChildProcess;
  /** All it has written, to both outputs. */
  text(): string;
  /** Resolves once it has written a match. @throws with its last lines when it ends, or after `seconds` */
  says(pattern: RegExp, seconds?: number): Promise<RegExpExecArray>;
  /** Resolves when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function startProgram(
  command: readonly string[],
  { env = {}, cwd }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): PeerProgram {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd,
    // No SDK shall look for credentials in the network.
    env: { ...process.env, AWS_EC2_METADATA_DISABLED: 'true', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  let look = () => {};
  let ended: string | undefined;
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      look();
    });
  }
  const end = new Promise<void>((resolve) => {
    const finish = (how: string) => {
      ended = how;
      look();
      resolve();
    };
    child.once('error', (error) => finish(error.message));
    child.once('close', (code, signal) => finish(`code ${code}, signal ${signal}`));
  });
  child.stdin.on('error', () => {});
  return {
    child,
    text: () => text,
    says: (pattern, seconds = 300) =>
      new Promise((resolve, reject) => {
        const settle = () => {
          clearTimeout(timer);
          look = () => {};
        };
        const fail = (why: string) => {
          settle();
          reject(
            new Error(`${program}: ${why} before ${pattern}\n${text.split('\n').slice(-30).join('\n')}`),
          );
        };
        const timer = setTimeout(() => fail(`${seconds} s passed`), seconds * 1_000);
        look = () => {
          const match = pattern.exec(text);
          if (match) {
            settle();
            resolve(match);
          } else if (ended !== undefined) fail(`ended with ${ended}`);
        };
        look();
      }),
    async stop(signal = 'SIGTERM') {
      if (ended === undefined) child.kill(signal);
      await end;
    },
  };
}
