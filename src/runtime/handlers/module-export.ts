import type { LambdaFunction } from './lambda-function.ts';
import type { BatchHandler } from './module-types.ts';
import { isShardClass } from './shard-class.ts';
import type { ShardProcessorClass } from './shard-types.ts';

/** What of a module file gets the batches. */
export type ModuleExport =
  | { form: 'function'; name: string; call: BatchHandler }
  | { form: 'class'; name: string; made: ShardProcessorClass }
  | { form: 'lambda'; name: string; call: LambdaFunction };

export interface Choice {
  chosen: ModuleExport | undefined;
  /** An export that could have been meant, too. */
  passedOver?: string;
  /** The functions there are, by name. */
  functions: readonly string[];
}

const LAMBDA_NAME = 'handler';

/**
 * Which export of a module counts: `default` is kcg's own form, `handler` is a Lambda function, and when there are both it is
 * `default`. With `wanted` it is the Lambda function of that name. CommonJS has its exports object as `default`, once more when it
 * was compiled from `export default`.
 */
export function chooseExport(exports: Readonly<Record<string, unknown>>, wanted?: string): Choice {
  const inner = fieldsOf(exports['default']);
  const named = { ...inner, ...exports };
  const functions = Object.keys(named).filter((name) => typeof named[name] === 'function');
  const lambda = lambdaNamed(named, wanted ?? LAMBDA_NAME);
  if (wanted !== undefined) return { chosen: lambda, functions };
  const own = [exports['default'], inner['default']].find((candidate) => typeof candidate === 'function');
  if (own === undefined) return { chosen: lambda, functions };
  const chosen = ownExport(own, 'default');
  return { chosen, functions, ...(lambda ? { passedOver: LAMBDA_NAME } : {}) };
}

/** A class has `process`; any other function takes batches itself. */
export function ownExport(own: unknown, name: string): ModuleExport {
  if (isShardClass(own)) return { form: 'class', name, made: own };
  return { form: 'function', name, call: own as BatchHandler };
}

function lambdaNamed(named: Readonly<Record<string, unknown>>, name: string): ModuleExport | undefined {
  const call = named[name];
  return typeof call === 'function' ? { form: 'lambda', name, call: call as LambdaFunction } : undefined;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
