import { groupCrd, offsetResetCrd } from '../../api/crd.ts';
import { OPERATOR_SELECTOR } from '../../api/labels.ts';
import type { Check } from '../../cli/checks.ts';
import { RIGHTS } from '../../cli/doctor.ts';
import { KINDS, type ResourceKind, type StoredObject } from '../../kubernetes/cluster.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { describeError } from '../../lib/errors.ts';
import type { DoctorOptions } from '../../cli/doctor.ts';
import type { UserCluster } from '../groups/user-cluster.ts';
import { VERSION } from '../version.ts';

const CRD: ResourceKind = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
/** A leader renews its Lease every few seconds. */
const STALE_MS = 60_000;
const MAX_SKEW_MS = 30_000;

/** The definitions, the operator, the rights of the user and the clocks. */
export async function diagnoseCluster(
  found: UserCluster,
  options: DoctorOptions,
  signal: AbortSignal,
): Promise<Check[]> {
  const attempt = async (what: string, look: () => Promise<Check[]>): Promise<Check[]> => {
    try {
      return await look();
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return [{ result: 'unknown', what, found: describeError(found.explain(thrown)) }];
    }
  };
  const checks = await Promise.all([
    attempt('CRD', () => definitions(found, signal)),
    attempt('operator', () => operator(found, options, signal)),
    attempt('clock', () => clocks(found, signal)),
    attempt('rights', () => rights(found, signal)),
  ]);
  return checks.flat();
}

interface CrdSpec {
  names: { kind: string };
  versions?: { name: string; served?: boolean; schema?: unknown }[];
}
interface Crd {
  metadata: { name: string };
  spec: CrdSpec;
}

const INSTALL = 'kubectl apply --server-side --force-conflicts -f crds, of the release that you run.';

async function definitions({ cluster }: UserCluster, signal: AbortSignal): Promise<Check[]> {
  const what = 'CRD';
  const compared = await Promise.all(
    [groupCrd(), offsetResetCrd()].map(async (crd) => {
      const ours = crd as unknown as Crd;
      const theirs = await cluster.get(CRD, { namespace: '', name: ours.metadata.name }, { signal });
      return { kind: ours.spec.names.kind, ...compareFields(ours.spec, theirs?.spec as CrdSpec | undefined) };
    }),
  );
  const troubles = compared.flatMap(({ kind, isThere, lacking }): Check[] => {
    if (!isThere) return [{ result: 'failed', what, found: `${kind} is not installed`, next: INSTALL }];
    if (lacking.length === 0) return [];
    const named = lacking.slice(0, 3).join(', ');
    const found = `${kind} is older than this kcg: it lacks ${count(lacking.length, 'field')} (${named})`;
    return [{ result: 'warning', what, found, next: INSTALL }];
  });
  if (troubles.length > 0) return troubles;
  const more = compared.reduce((sum, { unknown }) => sum + unknown, 0);
  const newer = more > 0 ? `; it has ${count(more, 'field')} that this kcg does not know` : '';
  return [{ result: 'ok', what, found: `installed${newer}` }];
}

function compareFields(ours: CrdSpec, theirs: CrdSpec | undefined) {
  const fields = (spec: CrdSpec | undefined) =>
    new Set(pathsOf(spec?.versions?.find(({ served }) => served !== false)?.schema));
  const [here, there] = [fields(ours), fields(theirs)];
  return {
    isThere: theirs !== undefined,
    lacking: [...here].filter((path) => !there.has(path)),
    unknown: [...there].filter((path) => !here.has(path)).length,
  };
}

/** `spec.handler.batchSize` of each field that a schema has. */
function pathsOf(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties, items, openAPIV3Schema } = schema as Record<string, unknown>;
  const own = Object.entries((properties ?? {}) as Record<string, unknown>).flatMap(([name, child]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [at, ...pathsOf(child, at)];
  });
  return [...own, ...pathsOf(items, path), ...pathsOf(openAPIV3Schema, path)];
}

interface DeploymentLike {
  spec?: { replicas?: number; template?: { spec?: { containers?: { image?: string }[] } } };
  status?: { readyReplicas?: number };
}

async function operator(found: UserCluster, options: DoctorOptions, signal: AbortSignal): Promise<Check[]> {
  const { calls } = found;
  const what = 'operator';
  const where = { namespace: options.operatorNamespace, selector: OPERATOR_SELECTOR, signal };
  const deployments = await calls.select(KINDS.deployment, where);
  if (deployments.length === 0) {
    const at =
      options.operatorNamespace === undefined
        ? 'in any namespace'
        : `in namespace ${options.operatorNamespace}`;
    return [
      {
        result: 'warning',
        what,
        found: `no Deployment of it ${at}`,
        next: 'Install it (docs/install.md); one that runs outside the cluster is not seen here.',
      },
    ];
  }
  const checks = deployments.map((deployment) => ofDeployment(what, deployment));
  const namespaces = [...new Set(deployments.map(({ metadata }) => metadata.namespace))];
  const leases = await Promise.all(
    namespaces.map((namespace) => calls.select(KINDS.leaderElectionLease, { namespace, signal })),
  );
  return [...checks, ...leader(leases.flat())];
}

function ofDeployment(what: string, { metadata, ...rest }: StoredObject): Check {
  const { spec, status } = rest as DeploymentLike;
  const wanted = spec?.replicas ?? 1;
  const ready = status?.readyReplicas ?? 0;
  const image = spec?.template?.spec?.containers?.[0]?.image ?? 'unknown image';
  const found = `${metadata.namespace}/${metadata.name}: ${ready} of ${wanted} pods ready, ${image}`;
  const other = /:(\d+\.\d+\.\d+[^@]*)/.exec(image)?.[1];
  if (ready === 0)
    return {
      result: 'failed',
      what,
      found,
      next: `kubectl describe pods -n ${metadata.namespace} -l ${OPERATOR_SELECTOR}`,
    };
  if (other !== undefined && other !== VERSION)
    return {
      result: 'warning',
      what,
      found: `${found}; this kcg is ${VERSION}`,
      next: 'Take the same version of both.',
    };
  return { result: ready < wanted ? 'warning' : 'ok', what, found };
}

function leader(leases: readonly StoredObject[]): Check[] {
  const what = 'leader';
  const ours = leases.filter(({ metadata }) => metadata.name.includes('kcg'));
  return ours.map(({ metadata, spec }) => {
    const { holderIdentity, renewTime } = (spec ?? {}) as { holderIdentity?: string; renewTime?: string };
    const age = clock.now() - Date.parse(renewTime ?? '');
    if (!holderIdentity)
      return { result: 'warning', what, found: `nobody holds ${metadata.namespace}/${metadata.name}` };
    const isStale = !(age < STALE_MS);
    const found = `${holderIdentity} leads, seen ${Math.max(0, Math.round(age / 1_000))} s ago`;
    return isStale
      ? { result: 'failed', what, found, next: 'No operator works: look at its pods and logs.' }
      : { result: 'ok', what, found };
  });
}

async function clocks({ cluster }: UserCluster, signal: AbortSignal): Promise<Check[]> {
  const what = 'clock';
  const before = clock.now();
  const there = await cluster.now({ signal });
  if (there === undefined) return [];
  const skew = Math.abs(there - (before + clock.now()) / 2);
  const found = `this machine and the API server differ by ${Math.round(skew / 1_000)} s`;
  return skew > MAX_SKEW_MS
    ? [
        {
          result: 'warning',
          what,
          found,
          next: 'Set the clock: ages and lag are told by it, and AWS refuses requests that are five minutes off.',
        },
      ]
    : [{ result: 'ok', what, found }];
}

async function rights({ calls, namespace }: UserCluster, signal: AbortSignal): Promise<Check[]> {
  const what = 'rights';
  const asked = await Promise.all(
    RIGHTS.map(async (right) => {
      const { verb, group, resource, subresource } = right;
      const attributes = {
        verb,
        group,
        resource,
        namespace,
        ...(subresource === undefined ? {} : { subresource }),
      };
      return { right, allowed: await calls.mayI(attributes, signal) };
    }),
  );
  const lacking = asked.filter(({ allowed }) => !allowed);
  if (lacking.length === 0)
    return [{ result: 'ok', what, found: `yours suffice for every command in namespace ${namespace}` }];
  return lacking.map(({ right: { verb, resource, subresource, for: commands } }) => ({
    result: 'warning',
    what,
    found: `you may not ${verb} ${resource}${subresource ? `/${subresource}` : ''} in namespace ${namespace}`,
    next: `Needed for: ${commands}.`,
  }));
}
