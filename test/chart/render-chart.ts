import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const CHART = join(import.meta.dirname, '../../charts/kcg');

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels: Record<string, string> };
  [field: string]: unknown;
}

export type Values = Record<string, unknown>;

export interface HelmResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function runHelm(
  helm: string,
  args: readonly string[],
  stdin = '',
  more: NodeJS.ProcessEnv = {},
): HelmResult {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', ...more };
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8', input: stdin, env });
  return { code: status, stdout, stderr };
}

/** `helm template` with these values; a refusal is a result. */
export function template(helm: string, values: Values, { release = 'kcg', namespace = 'kcg-system' } = {}) {
  const args = ['template', release, CHART, '--namespace', namespace, '--values', '-'];
  return runHelm(helm, args, JSON.stringify(values));
}

export function manifestsOf(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
}

/** What `helm template` makes of these values. @throws Error with what Helm says when it refuses */
export function rendered(helm: string, values: Values, where?: Parameters<typeof template>[2]): Manifest[] {
  const { code, stdout, stderr } = template(helm, values, where);
  if (code !== 0) throw new Error(stderr);
  return manifestsOf(stdout);
}

export const idsOf = (manifests: readonly Manifest[]) =>
  manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}/${metadata.name}`).sort();
export const find = (manifests: readonly Manifest[], kind: string) =>
  manifests.find((each) => each.kind === kind);
