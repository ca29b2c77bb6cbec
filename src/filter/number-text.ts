/**
 * A number as it is written, where its double says less: AWS's engine compares a number only when it is what its double
 * prints as. Any other (12345678901234567, 1e400) is a text that equals itself.
 */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The double that `text` is, if comparing doubles is comparing such numbers; undefined otherwise. */
export function comparableNumber(text: string): number | undefined {
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  return decimal(text) === decimal(String(value)) ? value : undefined;
}

/** One spelling for each decimal value: sign, digits without zeros at either end, and exponent. */
function decimal(text: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const shift = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${shift}`;
}

type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

/** `JSON.parse` that knows how numbers are written: each becomes what `number` makes of its text. */
export function parseWithNumbers(json: string, number: (text: string) => unknown): unknown {
  const reviver: Reviver = (_key, value, { source }) => (typeof value === 'number' ? number(source!) : value);
  return JSON.parse(json, reviver as (key: string, value: unknown) => unknown);
}

/** Where a number may be one that its double does not say: many digits or an exponent, outside or inside of a string. */
const DOUBTFUL = /[:,[\s]-?\d(?:[\d.]{15}|[\d.]*[eE])/;

/** An event's JSON with `NumberText` for each number that cannot be compared. Most have none: then it is `JSON.parse`. */
export function parseEvent(json: string): unknown {
  if (!DOUBTFUL.test(json)) return JSON.parse(json);
  return parseWithNumbers(json, (text) => comparableNumber(text) ?? new NumberText(text));
}
