import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadKubeAccess } from '../../../src/kubernetes/kube/config.ts';

let folder: string;
let kubeconfig: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-'));
  kubeconfig = join(folder, 'config');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(user: object, cluster: object = {}): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u' } },
      { name: 'two', context: { cluster: 'c', user: 'u', namespace: 'shop' } },
    ],
    'current-context': 'one',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
}

describe('access to a cluster', () => {
  test('comes from a kubeconfig and a context', async () => {
    write({ token: 'secret' });
    expect(loadKubeAccess({ kubeconfig })).toMatchObject({
      server: 'https://10.0.0.1:6443',
      namespace: 'default',
    });
    const access = loadKubeAccess({ kubeconfig, context: 'two' });
    expect(access.namespace).toBe('shop');
    expect((await access.credentials({ fresh: false })).headers).toEqual({ Authorization: 'Bearer secret' });
  });

  test('includes certificates', async () => {
    const data = (text: string) => Buffer.from(text).toString('base64');
    write(
      { 'client-certificate-data': data('CERT'), 'client-key-data': data('KEY') },
      { 'certificate-authority-data': data('CA'), 'tls-server-name': 'kubernetes' },
    );
    const { tls } = await loadKubeAccess({ kubeconfig }).credentials({ fresh: false });
    expect(tls).toEqual({ ca: 'CA', cert: 'CERT', key: 'KEY', servername: 'kubernetes' });
  });

  test('reads a token that was replaced when asked for a fresh one', async () => {
    write({ token: 'old' });
    const access = loadKubeAccess({ kubeconfig });
    write({ token: 'new' });
    expect((await access.credentials({ fresh: false })).headers).toEqual({ Authorization: 'Bearer old' });
    expect((await access.credentials({ fresh: true })).headers).toEqual({ Authorization: 'Bearer new' });
  });

  test('names the contexts there are when one is not found', () => {
    write({ token: 'x' });
    const load = () => loadKubeAccess({ kubeconfig, context: 'three' });
    expect(load).toThrow(expect.objectContaining({ code: 'InvalidInput', fix: 'Use one of: one, two.' }));
  });

  test('says what to set when no cluster is configured', () => {
    const load = () => loadKubeAccess({ kubeconfig: join(folder, 'absent') });
    expect(load).toThrow(
      expect.objectContaining({ code: 'InvalidInput', fix: 'Set --kubeconfig or KUBECONFIG.' }),
    );
  });

  test('reports a credential plug-in that fails as Credentials', async () => {
    write({ exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/does/not/exist' } });
    const credentials = loadKubeAccess({ kubeconfig }).credentials({ fresh: false });
    await expect(credentials).rejects.toMatchObject({ code: 'Credentials' });
  });
});
