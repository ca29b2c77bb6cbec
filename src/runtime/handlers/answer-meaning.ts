import type { UserRecord } from '../../kinesis/record.ts';
import { failed, resultOfFailures } from './batch-item-failures.ts';
import type { HandlerResult } from './handler.ts';
import { shown } from './shown.ts';

/*
 * What a handler's answer means. Whoever names failures or an error in one of the forms below has not succeeded, whatever
 * they are wrapped in: to take such an answer for done loses records, to take it for failed delivers some twice. Anything
 * else is done. The forms are those that AWS's own programs, their libraries and gateways use:
 *
 * - `batchItemFailures` in any casing, alone, in a list, in JSON text, or somewhere inside what was answered
 * - `errorMessage`, `errorType` and `FunctionError`, as a failed Lambda function is told (also with status 200, by the
 *   emulator that the base images start), and its `Task timed out after 3.00 seconds`
 * - API Gateway's envelope: a `statusCode` that is none of success, or a `body` of one of these forms
 * - in a module: an Error that was returned, and what `Promise.allSettled` gives of work that failed
 *
 * A Lambda function that returns has succeeded, whatever it returns, as it raises what has failed: of these forms only named
 * failures count in its answer.
 */

interface Found {
  /** The first reason why it is a failure of the whole batch. */
  error: string | undefined;
  /** Each value of a `batchItemFailures`. */
  lists: unknown[];
  /** Values that may still be looked into. */
  left: number;
}

const TIMED_OUT = /Task timed out after [\d.]+ seconds\s*$/;
const NAMES_FAILURES = /batch[_-]?item[_-]?failures/i;
const NAMES_A_MESSAGE = /error[_-]?message/i;
const NAMES_A_TYPE = /error[_-]?type/i;
const MAX_DEPTH = 6;
/** A module may return anything, also what a client library gave it. */
const MAX_VALUES = 20_000;

/** Of an answer as a value: what a module returned, or an application's JSON. */
export function resultOf(answer: unknown, records: readonly UserRecord[]): HandlerResult {
  const found: Found = { error: undefined, lists: [], left: MAX_VALUES };
  read(answer, found, 0);
  return found.error === undefined ? resultOfFailures(found.lists, records) : failed(found.error);
}

/** Of what a Lambda function returned: named failures alone. */
export function resultOfFunction(answer: unknown, records: readonly UserRecord[]): HandlerResult {
  const found: Found = { error: undefined, lists: [], left: MAX_VALUES };
  search(answer, found, 0);
  return found.error === undefined ? resultOfFailures(found.lists, records) : failed(found.error);
}

/** Of the emulator that a function's image has: what the function returned, or how it failed. */
export function resultOfEmulator(answer: unknown, records: readonly UserRecord[]): HandlerResult {
  const isFailure = isLookedInto(answer) && errorsIn(fieldsOf(answer)).length > 0;
  return isFailure ? resultOf(answer, records) : resultOfFunction(answer, records);
}

/** Whether text names failures, in whatever form. */
export function namesFailures(text: string): boolean {
  return NAMES_FAILURES.test(text);
}

/** Whether text that is no JSON tells of a failure all the same. */
export function tellsOfFailure(text: string): boolean {
  if (TIMED_OUT.test(text) || NAMES_FAILURES.test(text)) return true;
  return NAMES_A_MESSAGE.test(text) && NAMES_A_TYPE.test(text);
}

function read(value: unknown, found: Found, depth: number): void {
  if (depth > MAX_DEPTH) return;
  if (typeof value === 'string') return readText(value, found, depth);
  if (!isLookedInto(value)) return;
  if (value instanceof Error) found.error ??= `the handler returned an error: ${shown(String(value))}`;
  else if (Array.isArray(value)) readList(value, found, depth);
  else readFields(value, found, depth);
}

/** JSON in a string, once or more often, as `JSON.stringify` of an answer that is serialized again. */
function readText(text: string, found: Found, depth: number): void {
  if (TIMED_OUT.test(text)) found.error ??= `the handler answered: ${shown(text)}`;
  if (!/^\s*[[{"]/.test(text)) {
    if (tellsOfFailure(text)) found.error ??= notJson(text);
    return;
  }
  let inner: unknown;
  try {
    inner = JSON.parse(text);
  } catch {
    if (tellsOfFailure(text)) found.error ??= notJson(text);
    return;
  }
  read(inner, found, depth + 1);
}

function readList(list: readonly unknown[], found: Found, depth: number): void {
  if (list.some((item) => isLookedInto(item) && fieldsOf(item).some(([name]) => name === 'itemidentifier'))) {
    found.error ??= 'the handler answered a bare list; answer {"batchItemFailures": [...]}';
  }
  const rejected = list.find(isRejected);
  if (rejected) {
    found.error ??= `the handler returned work that failed: ${shown(String(rejected.reason))}`;
  }
  if (list.length === 1) return read(list[0], found, depth + 1);
  for (const item of list) {
    if (item instanceof Error) read(item, found, depth + 1);
    else search(item, found, depth + 1);
  }
}

function readFields(value: object, found: Found, depth: number): void {
  const fields = fieldsOf(value);
  const errors = errorsIn(fields);
  if (errors.length > 0) found.error ??= `the handler answered an error: ${shown(errors.join(': '))}`;
  for (const [name, field] of fields) {
    if (name === 'statuscode' && isFailure(field)) {
      found.error ??= `the handler answered {"statusCode": ${String(field)}, …}: ${shown(bodyOf(fields))}`;
    } else if (name === 'itemidentifier') {
      found.error ??= 'the handler answered a bare itemIdentifier; answer {"batchItemFailures": [...]}';
    }
  }
  for (const [name, field] of fields) {
    if (name === 'batchitemfailures') found.lists.push(field);
    else if (name === 'body') read(typeof field === 'string' ? bodyOf(fields) : field, found, depth + 1);
    else search(field, found, depth + 1);
  }
}

/** Looks for named failures alone: a field named `statusCode` deep inside may be anybody's. */
function search(value: unknown, found: Found, depth: number): void {
  if (depth > MAX_DEPTH || (found.left -= 1) < 0) return;
  if (typeof value === 'string') {
    if (NAMES_FAILURES.test(value)) readText(value, found, depth);
  } else if (Array.isArray(value)) {
    for (const item of value) search(item, found, depth + 1);
  } else if (isLookedInto(value)) {
    for (const [name, field] of fieldsOf(value)) {
      if (name === 'batchitemfailures') found.lists.push(field);
      else search(field, found, depth + 1);
    }
  }
}

type Field = [name: string, value: unknown];

function errorsIn(fields: readonly Field[]): string[] {
  return fields.flatMap(([name, field]) =>
    (name === 'errortype' || name === 'errormessage' || name === 'functionerror') && isText(field)
      ? [field]
      : [],
  );
}

/** By names without case, `_` and `-`; `batchItemFailures` also when a class has it. */
function fieldsOf(value: object): Field[] {
  const fields = Object.entries(value).map(([key, field]): Field => [plain(key), field]);
  if (!Object.hasOwn(value, 'batchItemFailures') && 'batchItemFailures' in value) {
    fields.push(['batchitemfailures', value.batchItemFailures]);
  }
  return fields;
}

function plain(key: string): string {
  return key.replace(/[_-]/g, '').toLowerCase();
}

function isLookedInto(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

/** Some programs count their own way, say 0 for good. */
function isFailure(status: unknown): boolean {
  const code = typeof status === 'string' && status.trim() !== '' ? Number(status) : status;
  return typeof code === 'number' && code >= 100 && code <= 599 && (code < 200 || code > 299);
}

function isRejected(item: unknown): item is PromiseRejectedResult {
  return isLookedInto(item) && 'reason' in item && (item as { status?: unknown }).status === 'rejected';
}

function bodyOf(fields: readonly Field[]): string {
  const { body, isbase64encoded } = Object.fromEntries(fields);
  if (typeof body !== 'string') return body === undefined ? '' : (JSON.stringify(body) ?? '');
  return isbase64encoded === true ? Buffer.from(body, 'base64').toString('utf8') : body;
}

function notJson(text: string): string {
  return `the handler tells of failures in something that is not JSON: ${shown(text)}`;
}
