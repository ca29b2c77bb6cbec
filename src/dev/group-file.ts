import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KinesisConsumerGroup } from '../api/group.ts';
import { KcgError } from '../lib/errors.ts';
import { requireGroup } from './local-mode.ts';

/**
 * The groups of a YAML file, as `kubectl apply -f` would take them. A module's relative path is meant relative to the file.
 * @throws KcgError `InvalidInput` or `NotFound`, naming file, field and what to write instead
 */
export async function readGroups(file: string): Promise<KinesisConsumerGroup[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KcgError('InvalidInput', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  });
  const documents = parseAllDocuments(text);
  const groups: KinesisConsumerGroup[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error) throw new KcgError('InvalidInput', `${file} is not YAML: ${error.message.split('\n')[0]}`);
    const value: unknown = document.toJS();
    if (value !== null) groups.push(withAbsoluteModule(requireGroup(value, file), file));
  }
  if (groups.length === 0) throw new KcgError('InvalidInput', `${file} holds no KinesisConsumerGroup`);
  return groups;
}

function withAbsoluteModule(group: KinesisConsumerGroup, file: string): KinesisConsumerGroup {
  const { module } = group.spec.handler;
  if (!module || isAbsolute(module.path)) return group;
  const path = resolve(dirname(file), module.path);
  return {
    ...group,
    spec: { ...group.spec, handler: { ...group.spec.handler, module: { ...module, path } } },
  };
}
