import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KcgError } from '../../lib/errors.ts';
import { makeCertificate, type ServerCertificate } from './certificate.ts';

export interface CertificateFiles extends ServerCertificate {
  /** Path of the authority's certificate, in PEM, for clients to trust. */
  caFile: string;
}

/** Made anew when less is left. */
const MIN_LEFT_MS = 30 * 86_400_000;

/**
 * The certificate kept in `folder`, so that what clients were told to trust stays the same from run to run; a new one
 * where there is none, or it ends within 30 days. Files: `ca.pem` and, readable by this user alone, `server.pem`.
 * @throws KcgError `InvalidInput` when the folder cannot be written
 */
export async function openCertificate(folder: string, nowMs: number): Promise<CertificateFiles> {
  const caFile = join(folder, 'ca.pem');
  const serverFile = join(folder, 'server.pem');
  const kept = await readKept(caFile, serverFile, nowMs);
  if (kept) return { ...kept, caFile };
  const { ca, cert, key } = makeCertificate(nowMs);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Whole files only, and the one that says which is trusted comes last: two programs may start at once.
    await writeWhole(serverFile, `${cert}${key}`);
    await writeWhole(caFile, ca);
  } catch (cause) {
    throw new KcgError('InvalidInput', `the certificate cannot be written to ${folder}`, {
      cause,
      fix: 'Name another folder in XDG_CACHE_HOME.',
    });
  }
  return { cert, key, caFile };
}

async function readKept(
  caFile: string,
  serverFile: string,
  nowMs: number,
): Promise<ServerCertificate | undefined> {
  try {
    const [ca, server] = await Promise.all([readFile(caFile, 'utf8'), readFile(serverFile, 'utf8')]);
    const [authority, own] = [new X509Certificate(ca), new X509Certificate(server)];
    const good = own.verify(authority.publicKey) && own.validToDate.getTime() - nowMs > MIN_LEFT_MS;
    return good ? { cert: server, key: server } : undefined;
  } catch {
    // Not there, or not ours: written anew.
    return undefined;
  }
}

async function writeWhole(path: string, content: string): Promise<void> {
  const part = `${path}.${process.pid}`;
  await writeFile(part, content, { mode: 0o600 });
  await rename(part, path);
}
