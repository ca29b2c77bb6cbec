import { Filter } from './filter.ts';
import { parsePattern } from './parse-pattern.ts';
import { PatternRefused } from './refusal.ts';

/** What a pattern can ask of a record beside its data: what AWS Lambda's filter sees of it. */
export const RECORD_FIELDS = [
  'partitionKey',
  'sequenceNumber',
  'approximateArrivalTimestamp',
  'kinesisSchemaVersion',
  'eventSource',
  'eventVersion',
  'eventID',
  'eventName',
  'invokeIdentityArn',
  'awsRegion',
  'eventSourceARN',
] as const;
export type RecordField = (typeof RECORD_FIELDS)[number];

const FIELDS: ReadonlySet<string> = new Set(RECORD_FIELDS);
/** As Lambda bounds them. */
const MAX_LENGTH = 4_096;

/** Whether a path of a pattern lies in the record's data. */
export function isInData(path: string): boolean {
  return path.startsWith('data.');
}

/**
 * The JSON of a pattern over Kinesis records, which is a JSON text in AWS's API and may be an object in YAML.
 * @throws PatternRefused when AWS Lambda refuses it, or when no record could pass
 */
export function kinesisPattern(pattern: unknown): string {
  const json = typeof pattern === 'string' ? pattern : inlineJson(pattern);
  if (json.length > MAX_LENGTH) throw new PatternRefused('', `has more than ${MAX_LENGTH} characters`);
  for (const alternative of parsePattern(json)) for (const path of alternative.keys()) checkPath(path);
  return json;
}

/** Patterns of which a record has to match one. All have to be what `kinesisPattern` returned. */
export function kinesisFilter(patterns: readonly string[]): Filter {
  return new Filter(patterns);
}

function inlineJson(pattern: unknown): string {
  const check = (value: unknown): void => {
    if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new PatternRefused(
        '',
        'has a number of more digits than YAML keeps; write the pattern as a JSON text in quotes',
      );
    }
    if (typeof value === 'object' && value !== null) Object.values(value).forEach(check);
  };
  check(pattern);
  return JSON.stringify(pattern) ?? '';
}

function checkPath(path: string): void {
  if (isInData(path) || FIELDS.has(path)) return;
  if (path === 'data')
    throw new PatternRefused(
      path,
      'has to be an object of fields of the JSON in the data, as Lambda wants it for Kinesis; text cannot be matched',
    );
  const [top = ''] = path.split('.');
  if (top === 'kinesis')
    throw new PatternRefused(path, 'the fields below kinesis stand at the top: write data and partitionKey');
  const known = FIELDS.has(top)
    ? 'it is a text or a number without fields'
    : `there are data, ${RECORD_FIELDS.join(', ')}`;
  throw new PatternRefused(path, `no record has this field; ${known}`);
}
