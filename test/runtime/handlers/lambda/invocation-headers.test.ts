import { expect, test } from 'vitest';
import { invocationHeaders } from '../../../../src/runtime/handlers/lambda/invocation-headers.ts';
import { aContext } from '../a-batch.ts';

const ABOUT = {
  id: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  functionName: 'orders',
  nowMs: Date.UTC(2026, 0, 1),
  timeoutMs: 60_000,
};
const traceOf = (traceparent?: string) =>
  invocationHeaders(ABOUT, aContext({ traceparent }))['lambda-runtime-trace-id'];

test('the trace of an invocation is that of its batch, as X-Ray writes it', () => {
  const trace = '00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8';
  const xray = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8';
  expect(traceOf(`${trace}-01`)).toBe(`${xray};Sampled=1`);
  expect(traceOf(`${trace}-00`)).toBe(`${xray};Sampled=0`);
});

test('where nobody traces, it is one that is not sampled', () => {
  expect(traceOf()).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/);
});
