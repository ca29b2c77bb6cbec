import { KcgError } from '../../src/lib/errors.ts';
import type { Harness } from './reconcile-harness.ts';

/** Brings it about; the result ends it. */
type Begin = (h: Harness) => () => void;

const AWAY = new KcgError('Unavailable', 'nobody answers');
const DENIED = new KcgError('AccessDenied', 'may not');
const LIMIT = new KcgError('LimitExceeded', 'no more today');

const fails =
  (operation: string, error: KcgError = AWAY): Begin =>
  ({ faults }) => {
    faults.set(operation, error);
    return () => void faults.delete(operation);
  };

/** It is done, and the answer does not come. */
const unanswered =
  (verb: 'apply' | 'applyStatus' | 'patchMetadata'): Begin =>
  ({ cluster }) => {
    const act = cluster[verb].bind(cluster) as (...args: unknown[]) => Promise<unknown>;
    const lost = async (...args: unknown[]) => {
      await act(...args);
      throw AWAY;
    };
    Object.assign(cluster, { [verb]: lost });
    return () => void Reflect.deleteProperty(cluster, verb);
  };

const tables =
  (fault: KcgError): Begin =>
  (h) => {
    h.tables.fault = fault;
    return () => (h.tables.fault = undefined);
  };

const unansweredTable: Begin = (h) => {
  const admin = h.tables.admin.bind(h.tables);
  h.tables.admin = (name) => {
    const real = admin(name);
    return {
      ...real,
      apply: async (step, options) => {
        await real.apply(step, options);
        throw AWAY;
      },
    };
  };
  return () => void Reflect.deleteProperty(h.tables, 'admin');
};

const rows: Begin = (h) => {
  h.rowFault = AWAY;
  return () => (h.rowFault = undefined);
};

const kinesis =
  (operations: RegExp, error: KcgError, { isDone = false } = {}): Begin =>
  (h) => {
    h.kinesis.faults = (operation) =>
      operations.test(operation) ? (isDone ? { afterEffect: error } : error) : undefined;
    return () => (h.kinesis.faults = undefined);
  };

export const TROUBLES = {
  'objects are not applied': fails('apply'),
  'budgets are refused': fails('apply PodDisruptionBudget', DENIED),
  'a quota is used up': fails('apply Deployment', LIMIT),
  'nothing is deleted': fails('delete'),
  'metadata is not written': fails('patchMetadata'),
  'the status is not written': fails('applyStatus'),
  'no cluster id': fails('clusterId', DENIED),
  'no namespace': fails('get Namespace'),
  'an apply is not answered': unanswered('apply'),
  'a status is not answered': unanswered('applyStatus'),
  'a patch is not answered': unanswered('patchMetadata'),
  'no claim': fails('claim group', DENIED),
  'no pause': fails('pause group'),
  'no rows': rows,
  'no table': tables(AWAY),
  'a table that is denied': tables(DENIED),
  'a table that does not answer': unansweredTable,
  'no stream': kinesis(/./, AWAY),
  'a stream that is denied': kinesis(/./, DENIED),
  'no more consumers': kinesis(/^RegisterStreamConsumer$/, LIMIT),
  'consumers that do not answer': kinesis(/StreamConsumer$/, AWAY, { isDone: true }),
} as const satisfies Record<string, Begin>;

export type Trouble = keyof typeof TROUBLES;
