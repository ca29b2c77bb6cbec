import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { tarOf, type TarEntry } from '../../src/lib/tar.ts';

export type Architecture = 'amd64' | 'arm64';

export interface PlatformImage {
  architecture: Architecture;
  /** Lowest first. A layer that did not change keeps its digest, so that only the others are pulled again. */
  layers: TarEntry[][];
  /** `Entrypoint`, `Env`, `User`, `Labels` …, as the OCI image specification 1.1 has them. */
  config: Record<string, unknown>;
  /** What it holds, as a document of this media type. It is attached to the image: registries list it as a referrer. */
  sbom?: { mediaType: string; data: Uint8Array };
}

export interface Image {
  /** Full name with tag, `example.org/kcg:1.2.3`. */
  name: string;
  /** RFC 3339; for people, and the same in each build of one commit. */
  created?: string;
  /** Of the index and of each platform's manifest. */
  annotations?: Record<string, string>;
  /** With one, the archive holds that image; with more, an index of them, with what is attached to each. */
  platforms: PlatformImage[];
}

/** What one object of a registry is called by another. */
interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture: string; os: string };
}

export interface WrittenImage {
  /** Of what a registry gets: the index, or the one image. */
  digest: string;
  platforms: { architecture: Architecture; digest: string; compressedBytes: number }[];
}

const MEDIA = 'application/vnd.oci.image';
const pack = promisify(gzip);

/**
 * Writes an image as an OCI archive, which `ctr image import`, `kind load image-archive`, `skopeo`, `oras` and `podman load`
 * read, and `docker load` where Docker keeps images in containerd. An archive of one platform is a Docker archive too, for older
 * Dockers. The same input makes the same bytes, as long as the same release of Node compresses them.
 */
export async function writeOciArchive(path: string, image: Image): Promise<WrittenImage> {
  const blobs = new Map<string, Uint8Array>();
  const add: AddBlob = (mediaType, data) => {
    const digest = digestOf(data);
    blobs.set(blobPath({ digest }), data);
    return { mediaType, digest, size: data.length };
  };
  const platforms = await Promise.all(image.platforms.map((platform) => addPlatform(image, platform, add)));
  const [only, another] = platforms;
  if (only === undefined) throw new Error(`the image ${image.name} has no platform`);
  const root = another === undefined ? only.manifest : addIndex(image, platforms, add);
  const annotations = {
    'io.containerd.image.name': image.name,
    'org.opencontainers.image.ref.name': tagOf(image.name),
  };
  const layout = {
    schemaVersion: 2,
    mediaType: `${MEDIA}.index.v1+json`,
    manifests: [{ ...root, annotations }],
  };
  const files = new Map<string, Uint8Array>([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json(layout)],
  ]);
  if (another === undefined) files.set('manifest.json', json([dockerManifest(image.name, only)]));
  const entries = [...files, ...[...blobs].sort(([a], [b]) => (a < b ? -1 : 1))];
  await writeFile(path, tarOf(entries.map(([path, content]) => ({ path, content }))));
  return {
    digest: root.digest,
    platforms: platforms.map(({ architecture, manifest, layers }) => ({
      architecture,
      digest: manifest.digest,
      compressedBytes: layers.reduce((sum, { size }) => sum + size, 0),
    })),
  };
}

type AddBlob = (mediaType: string, data: Uint8Array) => Descriptor;
type AddedPlatform = Awaited<ReturnType<typeof addPlatform>>;

async function addPlatform(image: Image, platform: PlatformImage, add: AddBlob) {
  const { architecture, config, sbom } = platform;
  const tars = platform.layers.map((layer) => tarOf(layer));
  const packed = await Promise.all(tars.map((layer) => pack(layer, { level: 6 })));
  const configBlob = add(
    `${MEDIA}.config.v1+json`,
    json({
      created: image.created,
      architecture,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    }),
  );
  const layers = packed.map((layer) => add(`${MEDIA}.layer.v1.tar+gzip`, layer));
  const mediaType = `${MEDIA}.manifest.v1+json`;
  const { annotations } = image;
  const manifest = {
    ...add(mediaType, json({ schemaVersion: 2, mediaType, config: configBlob, layers, annotations })),
    platform: { architecture, os: 'linux' },
  };
  return { architecture, config: configBlob, layers, manifest, sbom };
}

/**
 * The documents stand in the index beside what they are of, marked as BuildKit marks its own, so that whoever copies the
 * index copies them too, and nobody takes them for an image to run. Descriptors have the fields that all of skopeo's releases
 * know, in their order: it writes an index anew, and this one comes out the same.
 */
function addIndex(image: Image, platforms: readonly AddedPlatform[], add: AddBlob): Descriptor {
  const attached = platforms.flatMap(({ manifest, sbom }) =>
    sbom ? [addAttached(manifest, sbom, add)] : [],
  );
  const mediaType = `${MEDIA}.index.v1+json`;
  const manifests = [...platforms.map(({ manifest }) => manifest), ...attached];
  return add(mediaType, json({ schemaVersion: 2, mediaType, manifests, annotations: image.annotations }));
}

function addAttached(
  { mediaType, digest, size }: Descriptor,
  { mediaType: artifactType, data }: NonNullable<PlatformImage['sbom']>,
  add: AddBlob,
): Descriptor {
  const config = add('application/vnd.oci.empty.v1+json', json({}));
  const layers = [add(artifactType, data)];
  const subject = { mediaType, digest, size };
  return {
    ...add(mediaType, json({ schemaVersion: 2, mediaType, artifactType, config, layers, subject })),
    annotations: {
      'vnd.docker.reference.digest': digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
    platform: { architecture: 'unknown', os: 'unknown' },
  };
}

function dockerManifest(name: string, { config, layers }: AddedPlatform) {
  return { Config: blobPath(config), RepoTags: [name], Layers: layers.map(blobPath) };
}

function blobPath({ digest }: Pick<Descriptor, 'digest'>): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** What stands behind the name: `1.2.3` of `localhost:5000/kcg:1.2.3`. */
export function tagOf(name: string): string {
  const tag = /:([\w.-]+)$/.exec(name)?.[1];
  if (tag === undefined) throw new Error(`the name of the image, ${name}, has no tag: write ${name}:TAG`);
  return tag;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
