import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeOciArchive, type Architecture, type Image } from '../../scripts/image/oci-archive.ts';
import { readTar } from '../support/read-tar.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-archive-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const MEDIA = 'application/vnd.oci.image';
const SBOM = 'application/vnd.cyclonedx+json';
const platform = (architecture: Architecture) => ({
  architecture,
  layers: [
    [
      { path: 'app/', mode: 0o755, folder: true as const },
      { path: 'app/node', mode: 0o755, content: Buffer.from(`node for ${architecture}`) },
      { path: 'usr/lib', link: '/app/lib' },
    ],
    [{ path: 'app/kcg.mjs', mode: 0o644, content: Buffer.from('the same for all') }],
  ],
  config: { Entrypoint: ['/app/node'] },
  sbom: { mediaType: SBOM, data: Buffer.from(`{"for": "${architecture}"}`) },
});
const image = (...architectures: Architecture[]): Image => ({
  name: 'localhost:5000/kcg:1.2.3',
  created: '2026-11-29T12:00:00Z',
  annotations: { 'org.opencontainers.image.revision': 'abc' },
  platforms: architectures.map(platform),
});

async function written(name: string, what: Image) {
  const path = join(folder, name);
  const result = await writeOciArchive(path, what);
  const files = readTar(readFileSync(path));
  const read = <T>(path: string) => JSON.parse(files.get(path)!.toString()) as T;
  const blob = <T>(digest: string) => read<T>(`blobs/${digest.replace(':', '/')}`);
  return { bytes: readFileSync(path), result, files, read, blob };
}
interface Described {
  mediaType: string;
  digest: string;
  annotations?: Record<string, string>;
  platform?: object;
}
interface Index {
  manifests: Described[];
  annotations: object;
}
interface Manifest {
  config: Described;
  layers: Described[];
  annotations: object;
  artifactType?: string;
  subject?: Described;
}

describe('an archive of the image', () => {
  it('has the same bytes each time', async () => {
    const first = await written('first.tar', image('amd64', 'arm64'));
    const second = await written('second.tar', image('amd64', 'arm64'));
    expect(second.result).toEqual(first.result);
    expect(second.bytes.equals(first.bytes)).toBe(true);
    const other = image('amd64', 'arm64');
    const changed = await written('third.tar', { ...other, created: '2026-11-30T12:00:00Z' });
    expect(changed.result.digest).not.toBe(first.result.digest);
  });

  it('of two platforms holds one index, with both images and what is attached to each', async () => {
    const { result, read, blob } = await written('two.tar', image('amd64', 'arm64'));
    const [only, ...more] = read<Index>('index.json').manifests;
    expect(more).toEqual([]);
    expect(only).toMatchObject({
      digest: result.digest,
      annotations: {
        'org.opencontainers.image.ref.name': '1.2.3',
        'io.containerd.image.name': 'localhost:5000/kcg:1.2.3',
      },
    });
    const index = blob<Index>(result.digest);
    expect(index.annotations).toEqual({ 'org.opencontainers.image.revision': 'abc' });
    expect(index.manifests.map(({ platform }) => platform)).toEqual([
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
      { architecture: 'unknown', os: 'unknown' },
      { architecture: 'unknown', os: 'unknown' },
    ]);
    const [amd64, arm64] = index.manifests.slice(0, 2).map(({ digest }) => blob<Manifest>(digest));
    // The bundle is the same file for both, and a registry has it once.
    expect(arm64!.layers[1]).toEqual(amd64!.layers[1]);
    expect(arm64!.layers[0]).not.toEqual(amd64!.layers[0]);
    expect(arm64!.annotations).toEqual({ 'org.opencontainers.image.revision': 'abc' });
    expect(blob(arm64!.config.digest)).toMatchObject({
      architecture: 'arm64',
      created: '2026-11-29T12:00:00Z',
    });
    for (const [at, architecture] of ['amd64', 'arm64'].entries()) {
      const attached = blob<Manifest>(index.manifests[at + 2]!.digest);
      const { digest, mediaType } = index.manifests[at]!;
      expect(attached).toMatchObject({ artifactType: SBOM, subject: { digest, mediaType } });
      expect(blob(attached.layers[0]!.digest)).toEqual({ for: architecture });
    }
  });

  it('of one platform holds that image, for older Dockers too', async () => {
    const { result, read, files } = await written('one.tar', image('arm64'));
    const { platforms } = result;
    expect(result.digest).toBe(platforms[0]!.digest);
    expect(read<Index>('index.json').manifests).toMatchObject([
      { mediaType: `${MEDIA}.manifest.v1+json`, platform: { architecture: 'arm64' } },
    ]);
    const [docker] = read<[{ Config: string; RepoTags: string[]; Layers: string[] }]>('manifest.json');
    expect(docker.RepoTags).toEqual(['localhost:5000/kcg:1.2.3']);
    expect([docker.Config, ...docker.Layers].filter((path) => !files.has(path))).toEqual([]);
    // The same as in the archive of both.
    const both = await written('both.tar', image('amd64', 'arm64'));
    expect(both.result.platforms[1]).toEqual(platforms[0]);
  });

  it('needs a tag, and a platform', async () => {
    const path = join(folder, 'none.tar');
    await expect(writeOciArchive(path, { ...image('amd64'), name: 'localhost:5000/kcg' })).rejects.toThrow(
      'has no tag: write localhost:5000/kcg:TAG',
    );
    await expect(writeOciArchive(path, image())).rejects.toThrow('has no platform');
  });
});
