import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerOf } from './answer.ts';
import { askRuler, ENGINE, type Question } from './ruler/ask.ts';
import { QUESTIONS } from './ruler/questions.ts';
import fixture from './ruler/ruler-answers.json' with { type: 'json' };

/* Needs a JDK (17 or later) and Maven. */

const TIME_LIMIT_MS = 600_000;

test(
  'the table has what the engine that AWS runs answers',
  async () => {
    const answers = await askRuler(QUESTIONS);
    expect(fixture.engine).toBe(ENGINE);
    expect(fixture.cases).toEqual(QUESTIONS.map((question, index) => [...question, answers[index]]));
  },
  TIME_LIMIT_MS,
);

const name = fc.constantFrom('a', 'b', 'c', 'a.b', '$or');
const text = fc.constantFrom(
  '',
  'a',
  'ab',
  'abc',
  'ABC',
  'é',
  'É',
  'ß',
  'SS',
  '*',
  '"',
  '1',
  '10.0.0.1',
  'a01::',
);
const number = fc.constantFrom(
  '0',
  '-0',
  '1',
  '1.0',
  '1e0',
  '1.5',
  '-3',
  '10',
  '1e21',
  '12345678901234567',
  '0.1',
);
const string = text.map((value) => JSON.stringify(value));
const scalar = fc.oneof(string, number, fc.constantFrom('true', 'false', 'null'));
const list = (of: fc.Arbitrary<string>, minLength = 1) =>
  fc.array(of, { minLength, maxLength: 3 }).map((all) => `[${all.join(',')}]`);
const object = (of: fc.Arbitrary<string>, minLength = 1) =>
  fc
    .uniqueArray(fc.tuple(name, of), { minLength, maxLength: 3, selector: ([key]) => key })
    .map((all) => `{${all.map(([key, value]) => `"${key}":${value}`).join(',')}}`);

const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { arbitrary: scalar, weight: 3 },
    { arbitrary: list(tie('value'), 0), weight: 2 },
    { arbitrary: object(tie('value'), 0), weight: 3 },
  ),
})).value;

const one = (operator: string, argument: fc.Arbitrary<string>) =>
  argument.map((value) => `{"${operator}":${value}}`);
const ignoringCase = one('equals-ignore-case', string);
const texts = fc.oneof(string, list(string));
const rule = fc.oneof(
  { arbitrary: scalar, weight: 4 },
  ...['exactly', 'equals-ignore-case', 'wildcard', 'cidr'].map((operator) => one(operator, string)),
  ...['prefix', 'suffix'].map((operator) => one(operator, fc.oneof(string, ignoringCase))),
  one('exists', fc.constantFrom('true', 'false')),
  one('cidr', fc.constantFrom('"10.0.0.0/8"', '"10.0.0.0/31"', '"2001:db8::/32"', '"10.0.0.0/32"')),
  one('anything-but', fc.oneof(scalar, list(string), list(number), list(scalar))),
  ...['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].map((operator) =>
    one('anything-but', one(operator, texts)),
  ),
  one(
    'numeric',
    fc.tuple(fc.constantFrom('=', '<', '<=', '>', '>='), number).map(([o, n]) => `["${o}",${n}]`),
  ),
  one(
    'numeric',
    fc
      .tuple(fc.constantFrom('>', '>='), number, fc.constantFrom('<', '<='), number)
      .map(([from, low, to, high]) => `["${from}",${low},"${to}",${high}]`),
  ),
);
const fields = fc.letrec<{ fields: string }>((tie) => ({
  fields: object(
    fc.oneof({ maxDepth: 2 }, { arbitrary: list(rule), weight: 3 }, tie('fields'), list(tie('fields'), 2)),
  ),
})).fields;

test(
  'random patterns get the answers that the engine of AWS gives',
  async () => {
    const seed = Number(process.env['KCG_FILTER_SEED'] ?? fc.sample(fc.nat(), 1)[0]);
    const questions: Question[] = fc.sample(fc.tuple(fields, object(json, 0)), { seed, numRuns: 20_000 });
    const answers = await askRuler(questions);
    const different = questions.flatMap(([pattern, event], index) => {
      const [theirs, ours] = [answers[index], answerOf(pattern, event)];
      return theirs === ours ? [] : [{ pattern, event, theirs, ours }];
    });
    expect({ seed, different: different.slice(0, 20) }).toEqual({ seed, different: [] });
    for (const answer of ['match', 'no match', 'refused'] as const)
      expect(answers.filter((each) => each === answer).length, answer).toBeGreaterThan(200);
  },
  TIME_LIMIT_MS,
);
