import * as z from 'zod';
import { kinesisPattern } from '../filter/kinesis-pattern.ts';
import { PatternRefused } from '../filter/refusal.ts';

/*
 * A pattern is taken in both forms: the JSON text of AWS's API, so that what a Lambda function has can be copied, and
 * with every digit of its numbers; and as an object, so that YAML stays YAML. The API server knows no schema of such a
 * field, so it lets anything in, and the group's conditions say what is wrong.
 */
const pattern = z
  .unknown()
  .superRefine((value, context) => {
    if (value === undefined || value === null) {
      return context.addIssue({ code: 'custom', message: 'is required; write what a record has to match' });
    }
    try {
      kinesisPattern(value);
    } catch (error) {
      if (!(error instanceof PatternRefused)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  })
  .meta({ 'x-kubernetes-preserve-unknown-fields': true })
  .describe(
    'A pattern over data, partitionKey and the other fields of the record, as AWS Lambda has it: its JSON text, or the same as an object.',
  );

export const filtersSpec = z
  .array(z.strictObject({ pattern }))
  .max(10)
  .default([])
  .describe(
    "Which records the handler gets: those that match one of these, in the form of AWS Lambda's filter criteria. Others count as processed. Empty: all.",
  );
