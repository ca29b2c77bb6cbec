import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { TarEntry } from '../../src/lib/tar.ts';
import { debianFiles, nodeFiles } from './fetched.ts';
import type { Architecture } from './oci-archive.ts';
import { baseFiles, gccBase, libc, libgcc, libstdcxx, type DebianPackage } from './pinned-libraries.ts';

/*
 * The files of the image: the pinned Node, the few libraries it is linked to, and the bundle in dist/. There is no shell and no
 * package manager in it. Node brings its own CA certificates.
 *
 * All that runs is in /app, found by relative paths, and /app/ld.so starts it: so `kcg install` can copy the folder into a
 * container of any other image, whatever C library that has.
 */
const ROOT = join(import.meta.dirname, '../..');

const MACHINES: Record<Architecture, { triplet: string; loader: string; loaderLink: string }> = {
  amd64: {
    triplet: 'x86_64-linux-gnu',
    loader: 'ld-linux-x86-64.so.2',
    loaderLink: 'lib64/ld-linux-x86-64.so.2',
  },
  arm64: {
    triplet: 'aarch64-linux-gnu',
    loader: 'ld-linux-aarch64.so.1',
    loaderLink: 'lib/ld-linux-aarch64.so.1',
  },
};
const LIBC_PARTS = ['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0'];

/** Node and what it is linked to. It changes with what is pinned, not with kcg, and with no machine that builds it. */
export async function baseLayer(architecture: Architecture): Promise<TarEntry[]> {
  const { triplet, loader, loaderLink } = MACHINES[architecture];
  const node = nodeFiles(architecture);
  const debian = (each: DebianPackage, path: string) => join(debianFiles(each, architecture), path);
  const passwd = 'root:x:0:0:root:/:/bin/false\nkcg:x:65532:65532:kcg:/app:/bin/false\n';
  const libraries = [
    ...LIBC_PARTS.map((name) => debian(libc, `lib/${triplet}/${name}`)),
    debian(libgcc, `lib/${triplet}/libgcc_s.so.1`),
    debian(libstdcxx, `usr/lib/${triplet}/libstdc++.so.6`),
  ];
  return [
    { path: 'tmp/', mode: 0o1777, folder: true },
    { path: 'app/', mode: 0o755, folder: true },
    { path: 'etc/passwd', content: Buffer.from(passwd) },
    { path: 'etc/group', content: Buffer.from('root:x:0:\nkcg:x:65532:\n') },
    { path: 'etc/nsswitch.conf', content: Buffer.from('hosts: files dns\n') },
    // Where the loader looks when nobody tells it, and where the kernel looks for the loader.
    { path: 'usr/lib', link: '/app/lib' },
    { path: loaderLink, link: '/app/ld.so' },
    await file('app/ld.so', 0o755, debian(libc, `lib/${triplet}/${loader}`)),
    await file('app/node', 0o755, join(node, 'bin/node')),
    ...(await Promise.all(libraries.map((path) => file(`app/lib/${basename(path)}`, 0o755, path)))),
    await file('app/LICENSE-node', 0o644, join(node, 'LICENSE')),
    await file('app/LICENSE-glibc', 0o644, debian(libc, 'usr/share/doc/libc6/copyright')),
    await file('app/LICENSE-gcc', 0o644, debian(gccBase, 'usr/share/doc/gcc-12-base/copyright')),
    await file('app/LGPL-2.1', 0o644, debian(baseFiles, 'usr/share/common-licenses/LGPL-2.1')),
    await file('app/GPL-3', 0o644, debian(baseFiles, 'usr/share/common-licenses/GPL-3')),
  ];
}

/**
 * All that is built, but for the types, which are for who writes programs.
 * @throws Error when nothing is built
 */
export async function bundleLayer(): Promise<TarEntry[]> {
  const dist = join(ROOT, 'dist');
  if (!existsSync(join(dist, 'kcg.mjs'))) throw new Error('dist/ is empty: run "npm run build" first');
  const entries = await readdir(dist, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(dist, join(parentPath, name)))
    .filter((path) => !path.startsWith('types/'))
    .sort();
  return [
    ...(await Promise.all(paths.map((path) => file(`app/${path}`, 0o644, join(dist, path))))),
    await file('app/LICENSE', 0o644, join(ROOT, 'LICENSE')),
  ];
}

async function file(path: string, mode: number, from: string): Promise<TarEntry> {
  return { path, mode, content: await readFile(from) };
}
