import { NAMESPACES_ANNOTATION } from '../../api/labels.ts';
import {
  KINDS,
  type KubeObject,
  type LeaderElectionRecord,
  type ObjectKey,
  type StoredObject,
} from '../cluster.ts';
import { microTime } from '../event-object.ts';

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

/** The coordination.k8s.io/v1 Lease of a record. The server refuses an empty holder, so that a released one has none. */
export function leaseObject(
  key: ObjectKey,
  record: LeaderElectionRecord,
  version: string | undefined,
): KubeObject {
  const spec: LeaseSpec = {
    ...(record.holder ? { holderIdentity: record.holder } : {}),
    leaseDurationSeconds: record.leaseDurationSeconds,
    acquireTime: microTime(record.acquiredAt),
    renewTime: microTime(record.renewedAt),
    leaseTransitions: record.transitions,
  };
  const { apiVersion, kind } = KINDS.leaderElectionLease;
  const { namespaces } = record;
  const metadata = {
    ...key,
    ...(version === undefined ? {} : { resourceVersion: version }),
    ...(namespaces ? { annotations: { [NAMESPACES_ANNOTATION]: namespaces.join(',') } } : {}),
  };
  return { apiVersion, kind, metadata, spec };
}

/** The way back from `leaseObject`, times as ms since the epoch; what the Lease does not say is 0 or empty. */
export function leaseRecord({ spec, metadata }: StoredObject): LeaderElectionRecord {
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = (spec ??
    {}) as LeaseSpec;
  const namespaces = metadata.annotations?.[NAMESPACES_ANNOTATION];
  return {
    holder: holderIdentity ?? '',
    leaseDurationSeconds: leaseDurationSeconds ?? 0,
    acquiredAt: acquireTime === undefined ? 0 : Date.parse(acquireTime),
    renewedAt: renewTime === undefined ? 0 : Date.parse(renewTime),
    transitions: leaseTransitions ?? 0,
    ...(namespaces === undefined ? {} : { namespaces: namespaces.split(',') }),
  };
}
