import type { GroupStatus } from '../../../api/group-status.ts';

/*
 * The API server refuses a whole status for one field that its CustomResourceDefinition does not have, or has with other
 * bounds. It names the fields in its message, and nowhere else.
 */

const PATH = String.raw`status((?:\.\w+|\[[^\]]*\])+)`;
/** Server-side apply: `.status.scaling.lastScale: field not declared in schema`. */
const UNDECLARED = new RegExp(String.raw`\.${PATH}: field not declared in schema`, 'g');
/** The schema: `status.workers: Too many: 60: must have at most 50 items`. */
const INVALID = new RegExp(
  String.raw`\b${PATH}: (?:Invalid value|Too many|Too long|Unsupported value|Required value)`,
  'g',
);

/** Paths below `status`, as `scaling.lastScale`; a field of each item of a list as `shards.lagSeconds`. */
export function refusedFields(message: string): string[] {
  const undeclared = [...message.matchAll(UNDECLARED)].map(([, path = '']) =>
    path.replaceAll(/\[[^\]]*\]/g, ''),
  );
  // Of a list with a wrong item the rest would be half the truth.
  const invalid = [...message.matchAll(INVALID)].map(([, path = '']) => path.replace(/\[.*/, ''));
  return [...new Set([...undeclared, ...invalid])]
    .map((path) => path.slice(1))
    .filter(isSpared)
    .sort();
}

/** Without these a status says nothing. */
function isSpared(path: string): boolean {
  return path !== 'conditions' && path !== 'observedGeneration';
}

/** `status` without `paths`; what is wrong is added to the words of Ready, where people look first. */
export function withoutFields(status: GroupStatus, paths: readonly string[], note: string): GroupStatus {
  if (paths.length === 0) return status;
  const kept = paths.reduce<unknown>((from, path) => without(from, path.split('.')), status) as GroupStatus;
  const conditions = kept.conditions?.map((condition) =>
    condition.type === 'Ready' && !condition.message.includes(note)
      ? { ...condition, message: `${condition.message}. ${note}` }
      : condition,
  );
  return conditions ? { ...kept, conditions } : kept;
}

function without(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => without(item, [name, ...rest]));
  const { [name]: field, ...others } = value as Record<string, unknown>;
  if (rest.length === 0 || field === undefined) return others;
  return { ...others, [name]: without(field, rest) };
}
