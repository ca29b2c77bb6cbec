import { describe, expect, it } from 'vitest';
import { chooseExport } from '../../../src/runtime/handlers/module-export.ts';

const own = async () => {};
const lambda = async () => {};
const other = async () => {};

describe('which export of a module counts', () => {
  it.each([
    ['the default export', { default: own }, { form: 'function', name: 'default', call: own }],
    [
      'the default export of compiled CommonJS',
      { default: { default: own } },
      { form: 'function', call: own },
    ],
    ['a CommonJS module that is a function', { default: own, 'module.exports': own }, { form: 'function' }],
    ['a Lambda handler', { handler: lambda, other }, { form: 'lambda', name: 'handler', call: lambda }],
    ['a Lambda handler of CommonJS', { default: { handler: lambda } }, { form: 'lambda', call: lambda }],
    ['a Lambda handler beside other defaults', { default: { a: 1 }, handler: lambda }, { form: 'lambda' }],
  ])('is %s', (_, exports, chosen) => {
    const choice = chooseExport(exports);
    expect(choice.chosen).toMatchObject(chosen);
    expect(choice.passedOver).toBeUndefined();
  });

  it('is the default export when there is a Lambda handler too, and tells so', () => {
    const choice = chooseExport({ default: own, handler: lambda });
    expect(choice).toMatchObject({ chosen: { form: 'function', call: own }, passedOver: 'handler' });
  });

  it('is the Lambda function that is named, whatever else there is', () => {
    const exports = { default: own, handler: lambda, lambdaHandler: other };
    expect(chooseExport(exports, 'lambdaHandler').chosen).toEqual({
      form: 'lambda',
      name: 'lambdaHandler',
      call: other,
    });
    expect(chooseExport(exports, 'default').chosen).toMatchObject({ form: 'lambda', call: own });
  });

  it.each([
    [{ default: {}, handler: 'no' }, []],
    [{ default: null, lambdaHandler: lambda }, ['lambdaHandler']],
    [{ default: { main: lambda } }, ['main']],
  ])('is none of %j, and tells which functions there are', (exports, functions) => {
    expect(chooseExport(exports)).toEqual({ chosen: undefined, functions });
  });
});
