import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { openCertificate } from '../../../src/dev/tls/certificate-files.ts';

const DAY_MS = 86_400_000;

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'kcg-tls-')), 'tls');
});

describe('the certificate of local mode', () => {
  it('is kept from run to run, until it is about to end', async () => {
    const now = Date.now();
    const first = await openCertificate(folder, now);
    const second = await openCertificate(folder, now + 300 * DAY_MS);
    expect(new X509Certificate(second.cert).fingerprint256).toBe(
      new X509Certificate(first.cert).fingerprint256,
    );
    const later = await openCertificate(folder, now + 340 * DAY_MS);
    expect(new X509Certificate(later.cert).fingerprint256).not.toBe(
      new X509Certificate(first.cert).fingerprint256,
    );
    expect(new X509Certificate(later.cert).validToDate.getTime()).toBeGreaterThan(now + 700 * DAY_MS);
  });

  it('is made anew where the files are not a pair', async () => {
    const { caFile } = await openCertificate(folder, Date.now());
    await writeFile(caFile, 'not a certificate');
    const { cert } = await openCertificate(folder, Date.now());
    expect(new X509Certificate(cert).verify(new X509Certificate(await readFile(caFile)).publicKey)).toBe(
      true,
    );
  });

  it('can be used by this user alone, and its authority signs nothing else: no key of it is kept', async () => {
    const { caFile } = await openCertificate(folder, Date.now());
    expect((await stat(join(folder, 'server.pem'))).mode & 0o777).toBe(0o600);
    expect(await readFile(caFile, 'utf8')).not.toContain('PRIVATE KEY');
    const [authority, own] = [caFile, join(folder, 'server.pem')].map((file) => readFile(file));
    const ca = new X509Certificate(await authority!);
    const server = new X509Certificate(await own!);
    expect([ca.ca, server.ca, server.checkIssued(ca)]).toEqual([true, false, true]);
    expect(server.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  });

  it('says so where it cannot be written', async () => {
    await writeFile(folder, '');
    await expect(openCertificate(folder, Date.now())).rejects.toMatchObject({
      code: 'InvalidInput',
      message: `the certificate cannot be written to ${folder}`,
    });
  });
});

describe('TLS on a local server', () => {
  let local: LocalKinesis;
  let ca: Buffer;
  beforeEach(async () => {
    const certificate = await openCertificate(folder, Date.now());
    ca = await readFile(certificate.caFile);
    local = await startLocalKinesis({ certificate });
  });
  afterEach(() => local.close());

  const getBy = (url: string, options: object) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(url, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  it('is answered on the port that answers plain HTTP, by name and by address', async () => {
    expect(local.tlsEndpoint).toBe(local.endpoint.replace('http:', 'https:'));
    expect(await getBy(local.tlsEndpoint!, { ca })).toBe(200);
    expect(await getBy(local.tlsEndpoint!.replace('127.0.0.1', 'localhost'), { ca, family: 4 })).toBe(200);
    expect((await fetch(local.endpoint)).status).toBe(200);
  });

  it('speaks HTTP/2 with who asks for it', async () => {
    const session = connect(local.tlsEndpoint!, { ca });
    const stream = session.request({ ':path': '/' });
    const status = await new Promise((resolve, reject) => {
      stream.on('response', (headers) => resolve(headers[':status'])).on('error', reject);
    });
    expect([status, session.alpnProtocol]).toEqual([200, 'h2']);
    stream.resume();
    session.close();
  });

  it('is refused by who does not trust it', async () => {
    await expect(getBy(local.tlsEndpoint!, {})).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
    expect(await getBy(local.tlsEndpoint!, { ca })).toBe(200);
  });
});
