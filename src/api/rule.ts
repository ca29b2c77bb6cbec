import type { z } from 'zod';

/**
 * A rule over several fields, said twice: as CEL for the API server and as a function for everybody else. The two share
 * one message, and the table in test/api/spec-table.ts runs both on the same specs. Rules see values with defaults applied.
 */
export interface Rule<T> {
  /** CEL over `self`. */
  cel: string;
  holds: (self: T) => boolean;
  /** One sentence for the person who wrote the spec: what is wrong and what to write instead. */
  message: string;
  /** Field to blame, relative to the schema the rule is on, as `a.b`. It has to be in the schema. */
  path?: string;
}

/** A rule over an update, which only the API server can check. */
export interface UpdateRule {
  /** CEL over `self` and `oldSelf`. */
  cel: string;
  message: string;
  path?: string;
}

/** Name of the keyword that carries CEL in a CRD schema. */
export const VALIDATIONS = 'x-kubernetes-validations';

export interface Validation {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: string;
}

/** `schema` that also obeys `rules` and, on the API server, `updates`. */
export function withRules<S extends z.ZodType>(
  schema: S,
  rules: readonly Rule<z.output<S>>[],
  updates: readonly UpdateRule[] = [],
): S {
  const checked = schema.superRefine((value, context) => {
    for (const { holds, message, path } of rules) {
      if (!holds(value)) context.addIssue({ code: 'custom', message, path: path?.split('.') ?? [] });
    }
  });
  return checked.meta({ [VALIDATIONS]: [...rules, ...updates].map(validation) });
}

function validation({ cel, message, path }: UpdateRule): Validation {
  return { rule: cel, message, ...(path === undefined ? {} : { fieldPath: `.${path}` }) };
}
