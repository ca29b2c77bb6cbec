import { expect, it } from 'vitest';
import { describeNetworkError } from '../../../src/runtime/handlers/http-call.ts';

it('names what happened at each address of a name', () => {
  const errors = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:8080`));
  expect(describeNetworkError(new AggregateError(errors))).toBe(
    'connect ECONNREFUSED ::1:8080, connect ECONNREFUSED 127.0.0.1:8080',
  );
});
