import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeOciArchive, type Image, type ImageFile } from './oci-archive.ts';

/*
 * Writes the image of kcg as an OCI archive, without a container engine: the pinned Node, the few libraries it is linked
 * to, and the bundle in dist/. There is no shell and no package manager in it. Node brings its own CA certificates.
 *
 * All that runs is in /app, found by relative paths, and /app/ld.so starts it: so `kcg install` can copy the folder into a
 * container of any other image, whatever C library that has.
 */
const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { name: { type: 'string' }, out: { type: 'string', default: join(root, 'out/kcg-image.tar') } },
});
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };

if (process.platform !== 'linux')
  throw new Error('the image is built on Linux: its libraries come from there');
const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
if (!existsSync(node)) throw new Error(`${node} is missing: run "node scripts/ensure-installed.mjs"`);

const image: Image = {
  name: values.name ?? `kcg:${version}`,
  architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
  layers: [await baseLayer(), await bundleLayer()],
  config: {
    Entrypoint: ['/app/node', '/app/kcg.mjs'],
    Env: ['PATH=/app', 'NODE_ENV=production'],
    User: '65532:65532',
    WorkingDir: '/app',
    Labels: {
      'org.opencontainers.image.title': 'kcg',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
  },
};
const out = resolve(values.out);
await mkdir(dirname(out), { recursive: true });
const { digest } = await writeOciArchive(out, image);
const { size } = await stat(out);
process.stdout.write(`${image.name} (${Math.round(size / 1e6)} MB, ${digest}) in ${out}\n`);

/** Node and what it is linked to. It changes with Node or the build machine's C library, not with kcg. */
async function baseLayer(): Promise<ImageFile[]> {
  const { loader, libraries } = linkedTo(node);
  const passwd = 'root:x:0:0:root:/:/bin/false\nkcg:x:65532:65532:kcg:/app:/bin/false\n';
  return [
    { path: 'tmp/', mode: 0o1777, folder: true },
    { path: 'app/', mode: 0o755, folder: true },
    { path: 'etc/passwd', mode: 0o644, data: Buffer.from(passwd) },
    { path: 'etc/group', mode: 0o644, data: Buffer.from('root:x:0:\nkcg:x:65532:\n') },
    { path: 'etc/nsswitch.conf', mode: 0o644, data: Buffer.from('hosts: files dns\n') },
    // Where the loader looks when nobody tells it, and where the kernel looks for the loader.
    { path: 'lib', link: '/app/lib' },
    { path: dirname(loader) === '/lib' ? `app${loader}` : loader.slice(1), link: '/app/ld.so' },
    { path: 'app/ld.so', mode: 0o755, data: await readFile(loader) },
    { path: 'app/node', mode: 0o755, data: await readFile(node) },
    { path: 'app/LICENSE-node', mode: 0o644, data: await readFile(join(dirname(node), '../LICENSE')) },
    ...(await Promise.all(
      libraries.map(async (path) => ({
        path: `app/lib/${basename(path)}`,
        mode: 0o755,
        data: await readFile(path),
      })),
    )),
  ];
}

async function bundleLayer(): Promise<ImageFile[]> {
  const dist = join(root, 'dist');
  const names = existsSync(dist) ? (await readdir(dist)).filter((name) => name.endsWith('.mjs')) : [];
  if (names.length === 0) throw new Error('dist/ is empty: run "npm run build" first');
  const files = names.sort().map(async (name) => ({
    path: `app/${name}`,
    mode: 0o644,
    data: await readFile(join(dist, name)),
  }));
  const licenses = [join(root, 'LICENSE'), join(dist, 'THIRD-PARTY-LICENSES')].map(async (path) => ({
    path: `app/${basename(path)}`,
    mode: 0o644,
    data: await readFile(path),
  }));
  return Promise.all([...files, ...licenses]);
}

/** As ldd tells: `libm.so.6 => /lib/…/libm.so.6 (0x…)`, and the loader by its path alone. */
function linkedTo(program: string): { loader: string; libraries: string[] } {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  const libraries = lines.flatMap((line) => /=> (\/\S+)/.exec(line)?.[1] ?? []);
  const loader = lines.flatMap((line) => /^\s*(\/\S+) \(0x/.exec(line)?.[1] ?? [])[0];
  if (!loader) throw new Error(`ldd named no loader for ${program}`);
  return { loader, libraries };
}
