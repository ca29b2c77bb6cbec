import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneTree } from '../support/clone-tree.ts';
import { npmProject } from '../support/peer-programs.ts';
import { readTar } from '../support/read-tar.ts';
import { readsARecord } from './a-worker.ts';
import { imagePrograms, type ImagePrograms } from './image-programs.ts';

/* The image as it is published, built twice in trees of its own, and what other people's programs make of it. */

const MOST_BYTES = 60e6;
const folder = mkdtempSync(join(tmpdir(), 'kcg-image-'));
const tree = join(folder, 'tree');
/** The lines of the docs that do what is tested here. */
const docs = readFileSync('docs/install.md', 'utf8');
const documented = (start: string) => {
  const [line] = new RegExp(`${start}[^\`\n]*`).exec(docs) ?? [];
  if (line === undefined) throw new Error(`docs/install.md has no line "${start} …"`);
  return line.replace(/ +#.*/, '').split(' ');
};

function build(tree: string, env: NodeJS.ProcessEnv, ...more: string[]): string {
  const script = (name: string, ...args: string[]) =>
    execFileSync(process.execPath, [join('scripts', name), ...args], {
      cwd: tree,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
  script('build.ts');
  const [, , , , ...args] = documented('npm run image -- --name');
  return script('build-image.ts', ...args, '--source', 'https://code.example/kcg', ...more);
}

let said: string;
let programs: ImagePrograms;
/** Files of each layer, as whoever runs the image has them. */
let rootfs: string;
beforeAll(async () => {
  cloneTree(tree);
  said = build(tree, {});
  programs = await imagePrograms(join(folder, 'programs'));
  rootfs = join(folder, 'rootfs/arm64');
  unpack(join(tree, 'out/kcg-image.tar'), 1, rootfs);
});
afterAll(async () => {
  await programs?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Manifest {
  manifests: { digest: string; annotations?: Record<string, string> }[];
  config: { digest: string };
  layers: { digest: string; size: number }[];
}

/** One image of an archive, by its place in the index. */
function imageOf(archive: string, place: number) {
  const files = readTar(readFileSync(archive));
  const blob = (digest: string) => files.get(`blobs/${digest.replace(':', '/')}`)!;
  const json = <T>(bytes: Buffer) => JSON.parse(bytes.toString()) as T;
  let manifest = json<Manifest>(blob(json<Manifest>(files.get('index.json')!).manifests[0]!.digest));
  if (manifest.manifests) manifest = json(blob(manifest.manifests[place]!.digest));
  const { config, architecture } = json<{ config: Config; architecture: string }>(
    blob(manifest.config.digest),
  );
  return { config, architecture, layers: manifest.layers.map(({ digest }) => blob(digest)) };
}
interface Config {
  Labels: Record<string, string>;
  [key: string]: unknown;
}

function unpack(archive: string, place: number, target: string): void {
  mkdirSync(target, { recursive: true });
  for (const layer of imageOf(archive, place).layers)
    execFileSync('tar', ['-xzpf', '-', '-C', target], { input: layer });
}

describe('the image', () => {
  it('has one digest, wherever and by whomever it is built', () => {
    const other = join(folder, 'another/place/for/the/tree');
    execFileSync('git', ['clone', '--quiet', tree, other]);
    symlinkSync(join(process.cwd(), 'node_modules'), join(other, 'node_modules'));
    execFileSync('sh', ['-c', 'echo node_modules >> .git/info/exclude'], { cwd: other });
    const env = { TZ: 'Asia/Tokyo', LANG: 'de_DE.UTF-8', USER: 'somebody' };
    const again = build(other, env, '--platform', 'linux/arm64');
    const digests = (text: string) => text.match(/sha256:\w{64}/g);
    const [index, amd64, arm64] = digests(said)!;
    expect(new Set([index, amd64, arm64])).toHaveProperty('size', 3);
    expect(digests(again)).toEqual([arm64, arm64]);
  });

  it('stays below 60 MB on both platforms, as it is pulled', () => {
    for (const place of [0, 1]) {
      const bytes = imageOf(join(tree, 'out/kcg-image.tar'), place).layers.reduce(
        (sum, { length }) => sum + length,
        0,
      );
      expect(bytes).toBeLessThan(MOST_BYTES);
    }
  });

  it('holds all that is built, the dashboard too', () => {
    const built = (...folder: string[]) =>
      readdirSync(join(...folder), { recursive: true, encoding: 'utf8' });
    const inImage = new Set(built(rootfs, 'app'));
    expect(built(tree, 'dist').filter((path) => !inImage.has(path) && !path.startsWith('types'))).toEqual([]);
    expect(inImage).toContain('dashboard-page.mjs');
  });

  it('says of which commit it is', () => {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: tree, encoding: 'utf8' }).trim();
    expect(imageOf(join(tree, 'out/kcg-image.tar'), 0).config.Labels).toMatchObject({
      'org.opencontainers.image.revision': commit,
      'org.opencontainers.image.source': 'https://code.example/kcg',
    });
  });

  it('lists what it holds as CycloneDX has it', async () => {
    const project = await npmProject(join(import.meta.dirname, 'cyclonedx'));
    const validate = (...files: string[]) =>
      execFileSync(process.execPath, [join(project, 'validate.mjs'), ...files], { stdio: 'pipe' });
    const files = ['amd64', 'arm64'].map((each) => join(tree, `out/kcg-image.${each}.cdx.json`));
    validate(...files);
    const { components } = JSON.parse(readFileSync(files[0]!, 'utf8')) as {
      components: { name: string; licenses?: unknown }[];
    };
    expect(components.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['node', 'libc6', 'zod', 'undici']),
    );
    expect(components.filter(({ licenses }) => licenses === undefined)).toEqual([]);
    const wrong = join(folder, 'wrong.json');
    writeFileSync(wrong, readFileSync(files[0]!, 'utf8').replace('"id": "MIT"', '"id": "MTI"'));
    expect(() => validate(wrong)).toThrow('/components/0/licenses/0');
  });
});

describe.runIf(process.getuid?.() === 0 && process.arch === 'x64')(
  'as a user of group 0 whom nobody named',
  () => {
    it('starts, and copies itself into a volume of the pod, as OpenShift has it (docs/openshift.md)', () => {
      const root = join(folder, 'rootfs/amd64');
      const user = 1_000_670_000;
      unpack(join(tree, 'out/kcg-image.tar'), 0, root);
      mkdirSync(join(root, 'kcg'));
      chownSync(join(root, 'kcg'), 0, user);
      chmodSync(join(root, 'kcg'), 0o2770);
      const inside = (...command: string[]) =>
        spawnSync('chroot', [`--userspec=${user}:0`, `--groups=${user}`, root, ...command], {
          env: { PATH: process.env['PATH'] },
          encoding: 'utf8',
        });
      expect(inside('/app/node', '/app/kcg.mjs', 'install', '/kcg')).toMatchObject({
        status: 0,
        stderr: '',
      });
      // Both come as far as their first question to the pod that is not there.
      const operator = inside('/app/node', '/app/kcg.mjs', 'operator', '--worker-image', 'kcg');
      expect(operator.stderr).toContain('no Kubernetes cluster is configured');
      const worker = inside(
        '/kcg/ld.so',
        '--library-path',
        '/kcg/lib',
        '/kcg/node',
        '/kcg/kcg.mjs',
        'worker',
      );
      expect(worker.stderr).toContain('KCG_WORKER_CONFIG is not set');
    });
  },
);

describe('on arm64', () => {
  const app = join(folder, 'copied');
  const image = () => imageOf(join(tree, 'out/kcg-image.tar'), 1);

  it('starts as the image says, and copies itself for other containers', () => {
    expect(image().architecture).toBe('arm64');
    cpSync(programs.qemu, join(rootfs, 'qemu'));
    mkdirSync(join(rootfs, 'copied'), { mode: 0o777 });
    const start = (...args: string[]) =>
      execFileSync(
        'unshare',
        ['-r', '--root', rootfs, '/qemu', ...(image().config['Entrypoint'] as string[]), ...args],
        { env: {}, encoding: 'utf8', stdio: 'pipe' },
      );
    expect(start('--version').trim()).toBe(
      (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version,
    );
    // Twice: a container that starts anew finds the first copy.
    for (let time = 0; time < 2; time++) start('install', '/copied');
    cpSync(join(rootfs, 'copied'), app, { recursive: true });
  });

  /** As in a container that has no library of its own. */
  const command = () => [
    programs.qemu,
    ...['ld.so', '--library-path', 'lib', 'node'].map((part) =>
      part.startsWith('-') ? part : join(app, part),
    ),
  ];

  it('runs a worker that reads a stream, where there is no library of its own', () =>
    readsARecord([...command(), join(app, 'kcg.mjs')]));

  it('packs layers as other machines do, or the digest would be of the machine', () => {
    const file = join(app, 'lib/libstdc++.so.6');
    const script = `console.log(zlib.gzipSync(fs.readFileSync(${JSON.stringify(file)}), { level: 6 }).toString('base64'))`;
    const pack = ([program = '', ...args]: readonly string[]) =>
      execFileSync(program, [...args, '--eval', script], { encoding: 'utf8' });
    expect(pack(command()) === pack([process.execPath])).toBe(true);
  });
});

describe('a registry', () => {
  const digest = () => /kcg:\S+ (sha256:\w+)/.exec(said)![1]!;

  it.each(['oras cp', 'skopeo copy'])(
    'gets both platforms by "%s", under the digest that was printed',
    async (how) => {
      const registry = await programs.startRegistry();
      const [program, ...args] = documented(how).map((each) =>
        each.replace('registry.example', registry).replace(/(?=out\/)/, `${tree}/`),
      );
      if (program === 'skopeo') args.splice(1, 0, '--dest-tls-verify=false');
      programs.run(program as 'oras', ...args);
      expect(programs.run('oras', 'resolve', args.at(-1)!.replace('docker://', '')).trim()).toBe(digest());
      const copy = join(folder, `copy-of-${program}.tar`);
      programs.run(
        'skopeo',
        'copy',
        '--all',
        '--src-tls-verify=false',
        `docker://${registry}/kcg@${digest()}`,
        `oci-archive:${copy}`,
      );
      expect(readTar(readFileSync(copy)).get('index.json')!.toString()).toContain(digest());
    },
  );

  it('lists what an image holds as a referrer of it', async () => {
    const registry = await programs.startRegistry();
    const here = (line: string) =>
      documented(line)
        .slice(1)
        .map((each) => each.replace('registry.example', registry).replace(/(?=out\/)/, `${tree}/`));
    programs.run('oras', ...here('oras cp'));
    const found = JSON.parse(programs.run('oras', ...here('oras discover'), '--format', 'json')) as {
      referrers: { artifactType: string; reference: string }[];
    };
    expect(found.referrers.map(({ artifactType }) => artifactType)).toEqual([
      'application/vnd.cyclonedx+json',
    ]);
    const target = join(folder, 'pulled.json');
    const manifest = JSON.parse(
      programs.run('oras', 'manifest', 'fetch', found.referrers[0]!.reference),
    ) as Manifest;
    const repository = found.referrers[0]!.reference.replace(/@.*/, '');
    programs.run('oras', 'blob', 'fetch', '--output', target, `${repository}@${manifest.layers[0]!.digest}`);
    expect(readFileSync(target)).toEqual(readFileSync(join(tree, 'out/kcg-image.amd64.cdx.json')));
  });
});

describe('deploy/image/Dockerfile', () => {
  it('gives an image of the same files and the same configuration', () => {
    // What its first stage leaves, which needs an image from a registry.
    const stage = join(folder, 'stage');
    execFileSync(
      process.execPath,
      ['scripts/build-image.ts', '--platform', 'linux/arm64', '--rootfs', join(stage, 'rootfs')],
      { cwd: tree },
    );
    const { config } = imageOf(join(tree, 'out/kcg-image.tar'), 1);
    const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`];
    const labels = ['revision', 'created', 'source'].flatMap((name) => [
      '--build-arg',
      `${name.toUpperCase()}=${label(name)}`,
    ]);
    const base = [
      'bud',
      '--isolation',
      'chroot',
      '--platform',
      'linux/arm64',
      '--build-context',
      `files=${stage}`,
    ];
    programs.run(
      'buildah',
      ...base,
      ...labels,
      '-f',
      join(tree, 'deploy/image/Dockerfile'),
      '-t',
      'kcg',
      tree,
    );
    const archive = join(folder, 'by-dockerfile.tar');
    programs.run('buildah', 'push', 'kcg', `oci-archive:${archive}`);
    const built = imageOf(archive, 0);
    delete built.config.Labels['io.buildah.version'];
    expect(built.config).toEqual(config);
    expect(built.architecture).toBe('arm64');
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')];
    unpack(join(tree, 'out/kcg-image.tar'), 1, ours);
    unpack(archive, 0, theirs);
    const list = (root: string) =>
      execFileSync('find', [root, '-mindepth', '1', '-printf', '%P %y %m %l\n'], { encoding: 'utf8' })
        .split('\n')
        .sort();
    expect(list(theirs)).toEqual(list(ours));
    execFileSync('diff', ['--recursive', '--no-dereference', ours, theirs]);
  });
});
