import { expect, test } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { groupOf } from './spec-table.ts';

function problemsWith(pattern: unknown): readonly string[] {
  const parsed = parseGroup(groupOf({ change: { handler: { log: {}, filters: [{ pattern }] } } }));
  return parsed.outcome === 'ok' ? [] : parsed.problems;
}

// oxfmt-ignore
test.each<[name: string, pattern: unknown, problem: string]>([
  ['text that is not JSON', '{data:', 'is not JSON'],
  ['a list', [1], 'a pattern is a JSON object'],
  ['nothing in it', {}, 'is empty; name a field'],
  ['a pattern on text', { data: ['abc'] }, 'data: has to be an object of fields of the JSON in the data'],
  ['the shape of the event', { kinesis: { data: { a: ['b'] } } }, 'kinesis.data.a: the fields below kinesis stand at the top'],
  ['a field that records do not have', { partitonKey: ['a'] }, 'partitonKey: no record has this field; there are data, partitionKey'],
  ['a field of a text', { partitionKey: { a: ['b'] } }, 'partitionKey.a: no record has this field; it is a text or a number'],
  ['a value without a list', { data: { order: { type: 'buy' } } }, 'data.order.type: has to be a list of values'],
  ['an unknown comparison', { data: { a: [{ preffix: 'x' }] } }, 'data.a: "preffix" is no comparison'],
  ['bounds the wrong way round', { data: { a: [{ numeric: ['<', 10, '>', 0] }] } }, 'data.a.numeric: "<" cannot stand there'],
  ['a number that YAML has rounded', { data: { a: [2 ** 60] } }, 'has a number of more digits than YAML keeps; write the pattern as a JSON text'],
  ['more than Lambda takes', { data: { a: ['x'.repeat(4_096)] } }, 'has more than 4096 characters'],
  ['more than Lambda takes, as text', `{"data":{"a":["${'x'.repeat(4_096)}"]}}`, 'has more than 4096 characters'],
])('%s is refused', (_, pattern, problem) => {
  const [first, ...more] = problemsWith(pattern);
  expect(first).toContain(`spec.handler.filters[0].pattern: ${problem}`);
  expect(more).toEqual([]);
});

test('what a Lambda function has can be copied', () => {
  expect(problemsWith('{ "partitionKey": [ "1" ], "data" : { "order" : { "type" : [ "buy" ] } } }')).toEqual(
    [],
  );
});
