import type { UserRecord } from '../../../kinesis/record.ts';
import { namesFailures, resultOfFunction } from '../answer-meaning.ts';
import { failed } from '../batch-item-failures.ts';
import type { HandlerResult } from '../handler.ts';
import { shown } from '../shown.ts';

/** What a client posted for an invocation. */
export interface Post {
  as: 'response' | 'error';
  body: string;
  /** `cut`: the body went on after what is kept of it. `broken`: its connection ended in the middle. */
  length: 'whole' | 'cut' | 'broken';
  contentType: string | undefined;
  /** `Lambda-Runtime-Function-Error-Type`, of the headers or the trailers. */
  errorType: string | undefined;
  /** `Lambda-Runtime-Function-Error-Body` of the trailers: JSON in base64. */
  errorBody: string | undefined;
}

/** AWS Lambda's bound on an answer. */
export const MAX_POST_BYTES = 6 * 1024 * 1024;
/** Between the head and the body of a streamed HTTP answer. */
const PRELUDE_END = '\0'.repeat(8);

/**
 * What a function's answer to a batch means. A `response` is a success by itself, whatever it says, unless it names failures:
 * `{"statusCode": 500}` is just a result, as in Lambda. One that was streamed may have failed in the middle: then only its trailers say so.
 */
export function resultOfPost(post: Post, records: readonly UserRecord[]): HandlerResult {
  const { as, body, length, errorType, errorBody } = post;
  if (as === 'error') return failed(`the function failed: ${describePostedError(post)}`);
  if (errorType !== undefined || errorBody !== undefined) {
    const said = Buffer.from(errorBody ?? '', 'base64').toString('utf8');
    return failed(`the function failed while it answered: ${describePostedError({ body: said, errorType })}`);
  }
  if (length === 'broken') return failed("the function's answer broke off");
  if (length === 'cut') return failed('the function answered more than 6 MiB');
  const answer = parse(withoutPrelude(post));
  if (answer !== undefined) return resultOfFunction(answer.value, records);
  return namesFailures(body) ? failed(`the function answered: ${shown(body)}`) : { outcome: 'done' };
}

/** `errorType: errorMessage`, as every client posts it; else what there is. */
export function describePostedError({ body, errorType }: Pick<Post, 'body' | 'errorType'>): string {
  const value = parse(body)?.value;
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const type = textOf(fields['errorType']) ?? errorType;
  const message = textOf(fields['errorMessage']) ?? (fields['errorType'] === undefined ? body : '');
  return shown([type, message.trim()].filter(Boolean).join(': ') || 'it did not say why');
}

/** `{"statusCode": …}`, eight zeros and the body: as the envelope that API Gateway has. */
function withoutPrelude({ contentType, body }: Post): string {
  if (!contentType?.includes('http-integration-response')) return body;
  const at = body.indexOf(PRELUDE_END);
  const head = at < 0 ? undefined : parse(body.slice(0, at))?.value;
  if (typeof head !== 'object' || head === null) return body;
  return JSON.stringify({ ...head, body: body.slice(at + PRELUDE_END.length) });
}

function parse(text: string): { value: unknown } | undefined {
  const trimmed = text.replace(/^\uFEFF/, '').trim();
  if (trimmed === '') return { value: null };
  try {
    return { value: JSON.parse(trimmed) };
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
