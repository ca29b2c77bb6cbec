import { expect, test } from 'vitest';
import { parseJson } from '../../../src/kubernetes/kube/parse-json.ts';

const entry = (fields: object) => ({ manager: 'kcg', fieldsType: 'FieldsV1', fieldsV1: fields });

test.each([
  ['none', undefined],
  ['an empty one', []],
  ['entries', [entry({ 'f:spec': { 'f:replicas': {} } }), entry({ 'f:status': {} })]],
  ['brackets and quotes in its keys', [entry({ 'k:{"type":"]"}': { '.': {} }, 'v:["a\\",{}]}],"': {} })]],
])('managedFields are empty, and all around them is as it was: %s', (_, managedFields) => {
  const note = JSON.stringify({ managedFields: [{ manager: 'x' }] });
  const object = (managedFields: unknown) => ({
    metadata: { annotations: { note }, managedFields, name: 'orders' },
    spec: { managedFields: 'a string', shards: [1, ['2']] },
  });
  const parsed = parseJson(JSON.stringify({ items: [object(managedFields), object(managedFields)] }));
  const expected = object(managedFields && []);
  expect(parsed).toEqual({ items: [expected, expected] });
});

test('an array in one is no reason to lose the rest', () => {
  const object = { managedFields: [{ later: ['new'] }], name: 'orders' };
  expect(parseJson(JSON.stringify(object))).toEqual(object);
});

test('what is cut short is no JSON', () => {
  expect(() => parseJson('{"metadata":{"managedFields":[{"manager":"k')).toThrow(SyntaxError);
});
