import type { UserRecord } from '../../kinesis/record.ts';
import { resultOf, tellsOfFailure } from './answer-meaning.ts';
import { failed } from './batch-item-failures.ts';
import type { HandlerResult } from './handler.ts';
import type { Answer } from './http-call.ts';
import { shown } from './shown.ts';

/** What an application's answer to a batch means; `meaningOf` its JSON. */
export function resultOfAnswer(
  answer: Answer,
  records: readonly UserRecord[],
  meaningOf = resultOf,
): HandlerResult {
  const { status, contentType, functionError, body, isWhole } = answer;
  if (status < 200 || status > 299) return failed(`the handler answered ${status}: ${shown(body)}`);
  if (!isWhole) return failed(`the handler answered ${status} with more than 1 MiB`);
  if (functionError !== undefined) {
    return failed(
      `the handler answered ${status} with X-Amz-Function-Error ${functionError}: ${shown(body)}`,
    );
  }
  const text = body.replace(/^\uFEFF/, '');
  if (text.trim() === '') return { outcome: 'done' };
  let response: unknown;
  try {
    response = JSON.parse(text);
  } catch {
    if (tellsOfFailure(text)) return failed(`the handler answered ${status}: ${shown(body)}`);
    if (isOtherThanJson(contentType)) return { outcome: 'done' };
    return failed(`the handler answered ${status} with something that is not JSON: ${shown(body)}`);
  }
  return meaningOf(response, records);
}

/** Frameworks answer "OK" as text/plain by themselves. No header says nothing: that may not be acknowledged. */
function isOtherThanJson(contentType = ''): boolean {
  const mediaType = contentType.split(';', 1)[0] ?? '';
  return mediaType.includes('/') && !/json/i.test(mediaType);
}
