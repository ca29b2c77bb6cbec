import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { describeThrown } from './describe-thrown.ts';
import { chooseExport, type Choice, type ModuleExport } from './module-export.ts';

export interface ModuleFile {
  /** Absolute. */
  path: string;
  /** Name of the export that is a Lambda function; undefined: `default`, then `handler`. */
  exportName?: string | undefined;
}

/**
 * What of the file gets the batches; the log says which.
 * @throws KcgError `InvalidInput` when there is none, or the file cannot be loaded
 */
export async function loadModule({ path, exportName }: ModuleFile, log: Log): Promise<ModuleExport> {
  const choice = chooseExport(await importAll(path), exportName);
  const { chosen, passedOver } = choice;
  if (!chosen) throw nothingIn(path, choice, exportName);
  const fields = { path, export: chosen.name, form: chosen.form };
  if (passedOver === undefined) log.info('handler loaded', fields);
  else
    log.warn('handler loaded; the module has a Lambda handler too, which is not used', {
      ...fields,
      passedOver,
      fix: `Remove the default export, or set spec.handler.module.export to ${passedOver}, to use the Lambda handler.`,
    });
  return chosen;
}

function nothingIn(path: string, { functions }: Choice, exportName: string | undefined): KcgError {
  if (exportName !== undefined) {
    const there = functions.length > 0 ? `it exports ${functions.join(', ')}` : 'it exports no function';
    return new KcgError(
      'InvalidInput',
      `handler module ${path} exports no function ${exportName}; ${there}`,
      {
        fix: 'Correct spec.handler.module.export, or the module.',
      },
    );
  }
  const [other] = functions;
  return new KcgError(
    'InvalidInput',
    `handler module ${path} has no default export that is a function, and no Lambda function named handler`,
    {
      fix:
        other === undefined
          ? 'Write: export default async (batch, context) => { … }, or as for Lambda: export const handler = async (event, context) => { … }'
          : `If ${other} is a Lambda function, set spec.handler.module.export to ${other}.`,
    },
  );
}

const MODULE_FILE = /\.[cm]?[jt]s$/;

async function importAll(path: string): Promise<Record<string, unknown>> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    const problem = found ? 'is not a file' : 'does not exist';
    throw new KcgError('InvalidInput', `handler module ${path} ${problem}`, {
      fix: 'Set spec.handler.module.path to a file that the worker can read.',
    });
  }
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    const message = `handler module ${path} cannot be loaded: ${describeThrown(cause)}`;
    throw new KcgError('InvalidInput', message, {
      cause,
      fix: MODULE_FILE.test(path)
        ? `See what "node ${path}" prints.`
        : 'A module is JavaScript or TypeScript, in a file that ends in .mjs, .cjs, .js, .mts, .cts or .ts. Programs in other languages run by spec.handler.http, lambda or exec.',
    });
  }
}
