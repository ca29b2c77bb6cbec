import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { text as readInput } from 'node:stream/consumers';
import { parseAllDocuments, type Document, type YAMLError } from 'yaml';
import { API_VERSION, KIND, parseGroup, type KinesisConsumerGroup } from '../api/group.ts';
import { DOMAIN } from '../api/labels.ts';
import { KcgError } from '../lib/errors.ts';

/**
 * The groups of a YAML file (`-`: of standard input), as `kubectl apply -f` would take them. A module's relative path is
 * meant relative to the file.
 * @throws KcgError `InvalidInput`, naming file, field and what to write instead; one line for each problem
 */
export async function readGroups(file: string): Promise<KinesisConsumerGroup[]> {
  const text = await readText(file);
  if (file === '-') file = 'standard input';
  const documents = parseAllDocuments(text, { merge: true });
  const groups: KinesisConsumerGroup[] = [];
  for (const [index, document] of documents.entries()) {
    const [error] = document.errors;
    if (error) throw notYaml(error, text, file);
    const where = documents.length > 1 ? `${file}, document ${index + 1}` : file;
    for (const { value, at } of itemsOf(valueOf(document, where), where))
      if (value !== null) groups.push(withAbsolutePaths(requireGroup(value, at), file));
  }
  if (groups.length === 0) {
    throw new KcgError('InvalidInput', `${file} holds no ${KIND}`, {
      fix: `Write one into it: apiVersion: ${API_VERSION}, kind: ${KIND}, metadata.name and spec.`,
    });
  }
  requireDistinct(groups, file);
  return groups;
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await readInput(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const fix = 'Name the YAML file of the group: -f group.yaml.';
    if (code === 'ENOENT') throw new KcgError('InvalidInput', `there is no file ${file}`, { cause, fix });
    if (code === 'EISDIR') throw new KcgError('InvalidInput', `${file} is a folder`, { cause, fix });
    throw new KcgError('InvalidInput', `${file} cannot be read: ${message}`, { cause, fix });
  }
}

function notYaml(error: YAMLError, text: string, file: string): KcgError {
  const [start] = error.linePos ?? [];
  const place = start ? `line ${start.line}, column ${start.col}` : `character ${error.pos[0]}`;
  if (error.code === 'DUPLICATE_KEY') {
    const [key] = /^[^\s:,}]*/.exec(text.slice(error.pos[0])) ?? [];
    return new KcgError('InvalidInput', `${file}: the field ${key} is there twice, again at ${place}`, {
      fix: 'Remove one of the two.',
    });
  }
  const [what = ''] = error.message.split(/ at line \d|\n/);
  return new KcgError('InvalidInput', `${file} is not YAML at ${place}: ${what}`, {
    fix: 'Correct the indentation, brackets or quotes there or just before.',
  });
}

function valueOf(document: Document.Parsed, where: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const message = `${where} is not YAML: ${(cause as Error).message}`;
    throw new KcgError('InvalidInput', message, { cause, fix: 'Write the value out instead of an alias.' });
  }
}

/** A list, as `kubectl get -o yaml` writes it, is what it holds. */
function itemsOf(value: unknown, where: string): { value: unknown; at: string }[] {
  const { kind, items } = (value ?? {}) as { kind?: unknown; items?: unknown };
  if ((kind !== 'List' && kind !== `${KIND}List`) || !Array.isArray(items)) return [{ value, at: where }];
  return items.map((item: unknown, index) => ({ value: item, at: `${where}, item ${index + 1}` }));
}

/** @throws KcgError `InvalidInput` with every problem, before anything is started */
export function requireGroup(input: unknown, where: string): KinesisConsumerGroup {
  const other = otherThing(input);
  if (other !== undefined) {
    throw new KcgError('InvalidInput', `${where} holds ${other}`, {
      fix: `Write a ${KIND} of ${API_VERSION} there, and keep anything else in other files.`,
    });
  }
  const parsed = parseGroup(input);
  if (parsed.outcome === 'ok') return parsed.group;
  throw new KcgError('InvalidInput', `${where}: ${parsed.problems.join(`\n       ${where}: `)}`);
}

/** What it is, when it is plainly not meant as a group: its fields would all be told to be wrong. */
function otherThing(input: unknown): string | undefined {
  if (Array.isArray(input)) return 'a list';
  if (typeof input !== 'object' || input === null) return 'a text without fields';
  const { apiVersion, kind } = input as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return undefined;
  return apiVersion.startsWith(`${DOMAIN}/`) || kind === KIND ? undefined : `a ${kind} of ${apiVersion}`;
}

/** The second would silently take the place of the first. */
function requireDistinct(groups: readonly KinesisConsumerGroup[], file: string): void {
  const seen = new Set<string>();
  for (const { metadata } of groups) {
    const key = `${metadata.namespace}/${metadata.name}`;
    if (seen.has(key)) {
      throw new KcgError('InvalidInput', `${file} holds the group ${key} twice`, {
        fix: 'Give one of the two another metadata.name, or remove it.',
      });
    }
    seen.add(key);
  }
}

function withAbsolutePaths(group: KinesisConsumerGroup, file: string): KinesisConsumerGroup {
  const { module, exec } = group.spec.handler;
  if (exec) {
    const command = exec.command.map((part, index) => besides(part, file, index === 0));
    const handler = { ...group.spec.handler, exec: { ...exec, command } };
    return { ...group, spec: { ...group.spec, handler } };
  }
  if (!module || isAbsolute(module.path)) return group;
  const path = resolve(dirname(file), module.path);
  return {
    ...group,
    spec: { ...group.spec, handler: { ...group.spec.handler, module: { ...module, path } } },
  };
}

/** A part of a command that names a file beside the group's is that file; a program only when it is written as a path. */
function besides(part: string, file: string, isProgram: boolean): string {
  if (isAbsolute(part) || (isProgram && !part.includes('/'))) return part;
  const path = resolve(dirname(file), part);
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : part;
}
