import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

/** One entry of a layer. Folders above it are made by whoever unpacks; list those that need a mode of their own. */
export type ImageFile =
  | { path: string; mode: number; data: Uint8Array }
  | { path: string; link: string }
  | { path: string; mode: number; folder: true };

export interface Image {
  /** Full name with tag, `example.org/kcg:1.2.3`. */
  name: string;
  architecture: 'amd64' | 'arm64';
  /** Lowest first. A layer that did not change keeps its digest, so that only the others are pulled again. */
  layers: ImageFile[][];
  /** `Entrypoint`, `Env`, `User`, `Labels` …, as the OCI image specification 1.1 has them. */
  config: Record<string, unknown>;
}

const BLOCK = 512;
const MEDIA = 'application/vnd.oci.image';

/**
 * Writes an image as an OCI archive, which `ctr image import`, `kind load image-archive`, `skopeo`, `podman load` and
 * `docker load` (25 and later) read. The same input makes the same bytes: no times, no owners but root.
 */
export async function writeOciArchive(path: string, image: Image): Promise<{ digest: string }> {
  const blobs: ImageFile[] = [];
  const blob = (data: Uint8Array) => {
    const hash = sha256(data);
    blobs.push({ path: `blobs/sha256/${hash}`, mode: 0o644, data });
    return { digest: `sha256:${hash}`, size: data.length };
  };
  const tars = image.layers.map(tar);
  const config = blob(
    json({
      architecture: image.architecture,
      os: 'linux',
      config: image.config,
      rootfs: { type: 'layers', diff_ids: tars.map((layer) => `sha256:${sha256(layer)}`) },
    }),
  );
  const layers = tars.map((layer) => ({
    mediaType: `${MEDIA}.layer.v1.tar+gzip`,
    ...blob(gzipSync(layer, { level: 6 })),
  }));
  const manifest = blob(
    json({
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: { mediaType: `${MEDIA}.config.v1+json`, ...config },
      layers,
    }),
  );
  const annotations = {
    'io.containerd.image.name': image.name,
    'org.opencontainers.image.ref.name': image.name.slice(image.name.lastIndexOf(':') + 1),
  };
  const index = {
    schemaVersion: 2,
    mediaType: `${MEDIA}.index.v1+json`,
    manifests: [{ mediaType: `${MEDIA}.manifest.v1+json`, ...manifest, annotations }],
  };
  const archive = tar([
    { path: 'oci-layout', mode: 0o644, data: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', mode: 0o644, data: json(index) },
    ...blobs,
  ]);
  await writeFile(path, archive);
  return { digest: manifest.digest };
}

/** A POSIX ustar archive, entries in the given order. */
function tar(files: readonly ImageFile[]): Uint8Array {
  const parts = files.flatMap((file) => {
    const data = 'data' in file ? file.data : new Uint8Array();
    return [header(file, data.length), data, new Uint8Array((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK)]);
}

function header(file: ImageFile, size: number): Uint8Array {
  if (Buffer.byteLength(file.path) > 100) throw new Error(`path too long for an image: ${file.path}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, '0'), at);
  block.write(file.path, 0);
  octal('link' in file ? 0o777 : file.mode, 100, 7);
  octal(0, 108, 7); // owner
  octal(0, 116, 7); // group
  octal(size, 124, 11);
  octal(0, 136, 11); // time
  block.fill(' ', 148, 156); // the checksum counts its own field as blanks
  block.write('link' in file ? '2' : 'folder' in file ? '5' : '0', 156);
  if ('link' in file) block.write(file.link, 157);
  block.write('ustar', 257);
  block.write('00', 263);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
