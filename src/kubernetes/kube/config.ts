import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { KcgError } from '../../lib/errors.ts';

export interface KubeTls {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface KubeCredentials {
  headers: Record<string, string>;
  tls: KubeTls;
}

/** How to reach one API server as one user. */
export interface KubeAccess {
  /** `https://host:port`, perhaps with a path, without a trailing slash. */
  server: string;
  proxyUrl: string | undefined;
  /** The context's namespace, `default` when it names none. */
  namespace: string;
  /**
   * Headers and certificates as they are now: files are read again and credential plug-ins asked, `fresh` also forgets what
   * they had cached.
   * @throws KcgError `Credentials`
   */
  credentials(options: { fresh: boolean }): Promise<KubeCredentials>;
}

export interface KubeAccessOptions {
  /** Path of a kubeconfig; else KUBECONFIG, else ~/.kube/config, else the pod's service account. */
  kubeconfig?: string | undefined;
  /** Context to use instead of the current one. */
  context?: string | undefined;
  env?: NodeJS.ProcessEnv;
}

/** @throws KcgError `InvalidInput` when no cluster is configured, or the configuration cannot be read. */
export function loadKubeAccess(options: KubeAccessOptions = {}): KubeAccess {
  let config = load(options);
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new KcgError(
      'InvalidInput',
      `the kubeconfig's context '${config.getCurrentContext()}' names no cluster`,
      {
        fix: 'Choose one with --context; `kubectl config get-contexts` lists them.',
      },
    );
  }
  return {
    server: cluster.server.replace(/\/+$/, ''),
    proxyUrl: cluster.proxyUrl,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    async credentials({ fresh }) {
      try {
        if (fresh) config = load(options);
        return await credentialsOf(config);
      } catch (cause) {
        throw new KcgError(
          'Credentials',
          `cannot get credentials for ${cluster.server}: ${(cause as Error).message}`,
          {
            cause,
            fix: 'Check the user of the kubeconfig context, or the pod’s service account token.',
          },
        );
      }
    },
  };
}

/** Contexts of that kubeconfig, else of the one that is there by default. */
export function contextNames(kubeconfig?: string): string[] {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  return config.getContexts().map(({ name }) => name);
}

function load({ kubeconfig, context, env = process.env }: KubeAccessOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
    else if (env['KUBECONFIG'] || existsSync(join(homedir(), '.kube', 'config'))) config.loadFromDefault();
    else if (env['KUBERNETES_SERVICE_HOST']) config.loadFromCluster();
    else throw new Error('no kubeconfig found, and this is not a pod');
  } catch (cause) {
    throw new KcgError('InvalidInput', `no Kubernetes cluster is configured: ${(cause as Error).message}`, {
      cause,
      fix: 'Set --kubeconfig or KUBECONFIG.',
    });
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const names = config.getContexts().map(({ name }) => name);
      throw new KcgError('InvalidInput', `the kubeconfig has no context '${context}'`, {
        fix: `Use one of: ${names.join(', ') || 'none is defined'}.`,
      });
    }
    config.setCurrentContext(context);
  }
  return config;
}

async function credentialsOf(config: KubeConfig): Promise<KubeCredentials> {
  // The library refuses http:// here; such a server (kubectl proxy, a fake) gets a static token at most.
  if (config.getCurrentCluster()?.server.startsWith('http:')) {
    const token = config.getCurrentUser()?.token;
    return { headers: token ? { authorization: `Bearer ${token}` } : {}, tls: {} };
  }
  const options: RequestOptions = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, servername, rejectUnauthorized, auth } = options;
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value).trim()]),
  );
  if (auth) headers['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return {
    headers,
    tls: {
      ...pem('ca', ca),
      ...pem('cert', cert),
      ...pem('key', key),
      ...(servername ? { servername } : {}),
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    },
  };
}

/** The library gives certificates as buffers. */
function pem(name: 'ca' | 'cert' | 'key', value: unknown): KubeTls {
  if (Buffer.isBuffer(value)) return { [name]: value.toString('utf8') };
  return typeof value === 'string' ? { [name]: value } : {};
}
