import { describe, expect, it, test } from 'vitest';
import { Filter } from '../../src/filter/filter.ts';
import { parsePattern } from '../../src/filter/parse-pattern.ts';
import { answerOf } from './answer.ts';
import fixture from './ruler/ruler-answers.json' with { type: 'json' };

describe('the filter engine', () => {
  it('answers as the engine that AWS runs', () => {
    const ours = fixture.cases.map(([pattern, event]) => [pattern, event, answerOf(pattern!, event!)]);
    expect(ours).toEqual(fixture.cases);
    expect(ours.length).toBeGreaterThan(400);
  });

  it('lets an event pass that one of several patterns matches', () => {
    const filter = new Filter(['{"a":["x"]}', '{"b":[{"numeric":[">",1]}]}']);
    expect([{ a: 'x' }, { b: 2 }, { a: 'y', b: 1 }].map((event) => filter.matches(event))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

test('a number is no address, whatever its digits', () => {
  expect(answerOf('{"a":[{"cidr":"16.0.0.0/8"}]}', '{"a":101}')).toBe('no match');
});

/** What AWS's engine takes, and what would surprise whoever wrote it. */
test.each([
  ['{"a":["x"],"a":["y"]}', 'has a key twice in one pair of braces; the first would be ignored'],
  ['{"a":["x"]} and more', 'is not JSON'],
  ['{"a":{"":["x"]}}', 'a.: has an empty name, by which nothing is found'],
  ['{"a":[{"equals-ignore-case":"\u{1f600}"}]}', 'characters beyond U+FFFF have no case'],
])('%s is refused', (pattern, message) => {
  expect(() => parsePattern(pattern)).toThrow(message);
});

test('a refusal names the field and what to write', () => {
  const refusals = [
    '{"a":{"b":[{"numeric":[">",10,"<",5]}]}}',
    '{"a":{"b":[{"regex":"x"}]}}',
    '{"a":"x"}',
  ].map((pattern) => {
    try {
      return parsePattern(pattern);
    } catch (error) {
      return (error as Error).message;
    }
  });
  expect(refusals).toEqual([
    'a.b.numeric: has a lower bound that is not below the upper one; write ["=", 5], [">", 0], ["<", 10] or both bounds, the lower first: [">", 0, "<=", 10]',
    'a.b: "regex" is no comparison; there are exactly, prefix, suffix, equals-ignore-case, wildcard, numeric, cidr, exists, anything-but',
    'a: has to be a list of values, such as ["a", "b"], or an object of fields',
  ]);
});

describe('an event as large as a record can be', () => {
  const long = (item: unknown) => Array.from({ length: 5_000 }, () => item);

  it('is through in steps that are as many as its values, and not their products', () => {
    const filter = new Filter(['{"a":{"x":[1],"y":[2]},"b":{"x":[1],"y":[2]},"c":{"x":[1],"y":[2]}}']);
    const [wanted, other] = [long({ x: 1, y: 2 }), [...long({ x: 1, y: 3 }), { x: 0, y: 2 }]];
    expect(filter.matches({ a: wanted, b: wanted, c: wanted })).toBe(true);
    expect(filter.matches({ a: wanted, b: wanted, c: other })).toBe(false);
  });

  it('is given up rather than tried for ever, where names with dots make products', () => {
    const filter = new Filter(['{"o":{"a":{"b":[1],"c":[1],"d":[2]}}}']);
    const event = { o: { a: [...long({ b: 1, d: 1 }), { d: 2 }] }, 'o.a': long({ c: 1, d: 1 }) };
    expect(() => filter.matches(event)).toThrow(RangeError);
  });

  it('is read to the depth that the engine of AWS reads', () => {
    const nested = (depth: number) => JSON.parse('['.repeat(depth) + '1' + ']'.repeat(depth)) as unknown;
    const filter = new Filter(['{"a":[1]}']);
    expect(filter.matches({ a: nested(900) })).toBe(true);
    expect(() => filter.matches({ a: nested(100_000) })).toThrow(RangeError);
  });
});
