import type { Cluster } from '../kubernetes/cluster.ts';
import type { StreamConsumers } from '../kinesis/stream-consumers.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { KcgError } from '../lib/errors.ts';
import type { TableAdmin } from '../table/table-admin.ts';
import type { AwsAccount } from './aws-account.ts';

/*
 * A process that was frozen learns that its leadership has lapsed from a timer, and what it had asked for before may be answered
 * sooner than that: it would go on with a pass, and write, while another leads. So each write looks at the clock itself.
 */

/** What changes nothing, or only tells: everything else that a port has is a write, so that new ones are guarded too. */
const CLUSTER_READS = names<Cluster>()(
  'watch',
  'get',
  'list',
  'recordEvent',
  'clusterId',
  'now',
  'readLeaderElectionLease',
  'close',
);
const TABLE_READS = names<TableAdmin>()('describe');
const ROW_READS = names<LeaseTable>()('query', 'get');
const CONSUMER_READS = names<StreamConsumers>()('find', 'close');

/** The same ports, whose writes throw `Aborted`, and do nothing, once `leads` says no. */
export function onlyWhileLeading<T extends { cluster: Cluster; aws: AwsAccount }>(
  { cluster, aws }: T,
  leads: () => boolean,
): { cluster: Cluster; aws: AwsAccount } {
  const check = () => {
    if (!leads()) throw new KcgError('Aborted', 'leadership has lapsed; nothing is written any more');
  };
  const account: AwsAccount = {
    ...aws,
    streamConsumers: (target) => guarded(aws.streamConsumers(target), CONSUMER_READS, check),
    leaseTable: async (target, signal) => guarded(await aws.leaseTable(target, signal), ROW_READS, check),
    tableAdmin: (target) => guarded(aws.tableAdmin(target), TABLE_READS, check),
  };
  return { cluster: guarded(cluster, CLUSTER_READS, check), aws: account };
}

function guarded<T extends object>(port: T, reads: ReadonlySet<PropertyKey>, check: () => void): T {
  return new Proxy(port, {
    get: (target, key) => {
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      if (reads.has(key)) return method.bind(target) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        check();
        return method.apply(target, args);
      };
    },
  });
}

function names<T>(): (...keys: (keyof T)[]) => ReadonlySet<PropertyKey> {
  return (...keys) => new Set<PropertyKey>(keys);
}
