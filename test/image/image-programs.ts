import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianPackages } from '../support/debian-packages.ts';
import { lastingPort } from '../support/lasting-port.ts';
import { goTool, startProgram, type PeerProgram } from '../support/peer-programs.ts';

/* What others handle images with: oras, Debian's skopeo, buildah and docker-registry, and qemu for the other architecture. */

const TRIPLET = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';

export interface ImagePrograms {
  /** Runs one of them; what it printed. */
  run(program: 'oras' | 'skopeo' | 'buildah', ...args: string[]): string;
  /** Program that runs those of arm64. */
  qemu: string;
  /** An empty registry on loopback; its address. */
  startRegistry(): Promise<string>;
  stop(): Promise<void>;
}

/** @param folder where they keep what they write */
export async function imagePrograms(folder: string): Promise<ImagePrograms> {
  const libraries = ['libgpgme11', 'libassuan0', 'libdevmapper1.02.1', 'libseccomp2'];
  const root = debianPackages('images', 'skopeo', 'buildah', 'docker-registry', ...libraries);
  const qemu = debianPackages('qemu', 'qemu-user-static');
  const oras = await goTool('oras.land/oras/cmd/oras@v1.3.0');
  mkdirSync(folder, { recursive: true });
  const policy = join(folder, 'policy.json');
  const storage = join(folder, 'storage.conf');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  writeFileSync(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/graph"\nrunroot = "${folder}/run"\n`,
  );
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    LD_LIBRARY_PATH: join(root, 'usr/lib', TRIPLET),
    CONTAINERS_STORAGE_CONF: storage,
    CONTAINERS_REGISTRIES_CONF: '/dev/null',
  };
  const before = { oras: [], skopeo: ['--policy', policy], buildah: ['--signature-policy', policy] };
  const path = { oras, skopeo: join(root, 'usr/bin/skopeo'), buildah: join(root, 'usr/bin/buildah') };
  const registries: PeerProgram[] = [];
  return {
    run: (program, ...args) =>
      execFileSync(path[program], [...before[program], ...args], { env, encoding: 'utf8', stdio: 'pipe' }),
    qemu: join(qemu, 'usr/bin/qemu-aarch64-static'),
    async startRegistry() {
      const port = await lastingPort();
      const config = join(folder, `registry-${port}.yml`);
      const data = join(folder, `registry-${port}`);
      writeFileSync(
        config,
        `version: 0.1\nstorage: {filesystem: {rootdirectory: ${data}}}\nhttp: {addr: '127.0.0.1:${port}'}\n`,
      );
      const registry = startProgram([join(root, 'usr/bin/docker-registry'), 'serve', config]);
      registries.push(registry);
      await registry.says(/listening on/);
      return `localhost:${port}`;
    },
    stop: async () => void (await Promise.all(registries.map((each) => each.stop()))),
  };
}
