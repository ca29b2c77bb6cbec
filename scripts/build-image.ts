import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { TarEntry } from '../src/lib/tar.ts';
import { checkDebian, pinnedNode } from './image/fetched.ts';
import { baseLayer, bundleLayer } from './image/image-files.ts';
import { tagOf, writeOciArchive, type Architecture } from './image/oci-archive.ts';
import { libraries } from './image/pinned-libraries.ts';
import { gitIn, provenanceOf } from './image/provenance.ts';
import { sbomOf } from './image/sbom.ts';
import { packagesIn } from './third-party-licenses.ts';

/*
 * Writes the image of kcg as an OCI archive, without a container engine, and what it holds beside it:
 * npm run image -- --name registry.example/kcg:0.1.0. Two builds of one commit have one digest, on whatever machine.
 */
const ROOT = join(import.meta.dirname, '..');
const PLATFORMS = ['linux/amd64', 'linux/arm64'];
const { version, repository } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  repository?: { url: string };
};

/** All that can be refused is, before anything is fetched. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: `kcg:${version}` },
      out: { type: 'string', default: join(ROOT, 'out/kcg-image.tar') },
      platform: { type: 'string', multiple: true, default: PLATFORMS },
      // Where its code is; for an image that others are to pull.
      source: { type: 'string', default: repository?.url ?? '' },
      // The files alone, a folder per architecture: what deploy/image/Dockerfile copies.
      rootfs: { type: 'string' },
    },
  });
  tagOf(values.name);
  for (const platform of values.platform)
    if (!PLATFORMS.includes(platform))
      throw new Error(`--platform ${platform}: it is ${PLATFORMS.join(' or ')}`);
  const pinned = pinnedNode('amd64').version;
  if (process.versions.node !== pinned)
    throw new Error(`Node ${pinned} builds the image, this is ${process.versions.node}: write npm run image`);
  const architectures = [...new Set(values.platform)]
    .sort()
    .map((platform) => platform.replace('linux/', '') as Architecture);
  checkDebian(architectures);
  return { ...values, ...provenanceOf(process.env, gitIn(ROOT)), out: resolve(values.out), architectures };
}
type Options = ReturnType<typeof readOptions>;

async function main(): Promise<void> {
  const options = readOptions();
  const bundle = await bundleLayer();
  const layersOf = async (architecture: Architecture) => [await baseLayer(architecture), bundle];
  if (options.rootfs === undefined) return writeImage(options, layersOf);
  for (const each of options.architectures)
    writeFiles(resolve(options.rootfs, each), (await layersOf(each)).flat());
}

async function writeImage(
  { name, out, architectures, source, created, revision }: Options,
  layersOf: (architecture: Architecture) => Promise<TarEntry[][]>,
): Promise<void> {
  const annotations = {
    'org.opencontainers.image.title': 'kcg',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
    ...(source ? { 'org.opencontainers.image.source': source } : {}),
    ...(revision ? { 'org.opencontainers.image.revision': revision } : {}),
    ...(created ? { 'org.opencontainers.image.created': created } : {}),
  };
  const config = {
    Entrypoint: ['/app/node', '/app/kcg.mjs'],
    Env: ['PATH=/app', 'NODE_ENV=production'],
    User: '65532:65532',
    WorkingDir: '/app',
    Labels: annotations,
  };
  const platforms = await Promise.all(
    architectures.map(async (architecture) => ({
      architecture,
      layers: await layersOf(architecture),
      config,
      sbom: sbomFor(architecture, created),
    })),
  );
  mkdirSync(dirname(out), { recursive: true });
  const image = { name, ...(created ? { created } : {}), annotations, platforms };
  const written = await writeOciArchive(out, image);
  process.stdout.write(`${name} ${written.digest} in ${out}\n`);
  for (const [index, { architecture, digest, compressedBytes }] of written.platforms.entries()) {
    const sbom = out.replace(/(\.tar)?$/, `.${architecture}.cdx.json`);
    writeFileSync(sbom, platforms[index]!.sbom.data);
    const size = `${(compressedBytes / 1e6).toFixed(1)} MB`;
    process.stdout.write(`linux/${architecture} ${digest}, ${size}; what it holds: ${sbom}\n`);
  }
}

function sbomFor(architecture: Architecture, created: Options['created']) {
  const { name, version: nodeVersion } = pinnedNode(architecture);
  const { node: _, ...parts } = process.versions;
  return sbomOf({
    kcg: { version, architecture, ...(created ? { created } : {}) },
    node: {
      version: nodeVersion,
      package: name,
      // modules, napi: numbers of interfaces; the rest is code of others.
      parts: Object.entries(parts).flatMap(([part, version]) =>
        version && part !== 'modules' && part !== 'napi' ? [{ name: part, version }] : [],
      ),
    },
    libraries,
    packages: packagesIn(readFileSync(join(ROOT, 'dist/THIRD-PARTY-LICENSES'), 'utf8')),
  });
}

/** As a layer would be unpacked. */
function writeFiles(folder: string, files: readonly TarEntry[]): void {
  rmSync(folder, { recursive: true, force: true });
  for (const file of files) {
    const path = join(folder, file.path);
    mkdirSync('folder' in file ? path : dirname(path), { recursive: true });
    if ('link' in file) symlinkSync(file.link, path);
    else if ('content' in file) writeFileSync(path, file.content);
    if (!('link' in file)) chmodSync(path, file.mode ?? 0o644);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`no image: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
