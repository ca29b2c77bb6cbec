import { WORKER_CONTAINER_ANNOTATION } from '../../api/labels.ts';
import { groupNames, requireOneChoice } from '../../cli/group-options.ts';
import { byTime, isShown, logLine, logsOptions, printLogLine, type LogLine } from '../../cli/logs.ts';
import { KINDS, keyOf, type StoredObject } from '../../kubernetes/cluster.ts';
import { readLines } from '../../kubernetes/kube/lines.ts';
import { systemClock } from '../../lib/clock.ts';
import { describeError, hasCode, KcgError } from '../../lib/errors.ts';
import { parseDurationSeconds } from '../../lib/parse-duration.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { selectorOf } from '../groups/group-looker.ts';
import { noSuchGroup } from '../groups/no-such-group.ts';
import { readUserCluster, type UserCluster } from '../groups/user-cluster.ts';

export { logsOptions };

type Options = OptionValues<typeof logsOptions>;

const OR_ELSE =
  'Logs are kept by Kubernetes alone; kcg leases --table shows what the workers say of themselves in the table.';
/** Between two looks for pods that have come, ms. */
const LOOK_MS = 3_000;

/** `kcg logs`: what the workers of a group say, all pods together, readable. */
export async function runLogsCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals: names } = parseOptions(logsOptions, argv, env, groupNames(100));
  const sinceSeconds =
    options.since === undefined ? undefined : parseDurationSeconds('--since', options.since);
  if (names.length === 0 && options.selector === undefined) {
    throw new KcgError('InvalidInput', 'logs needs to know which group', {
      fix: 'Run kcg logs NAME -n NAMESPACE, or choose with -l.',
    });
  }
  requireOneChoice('logs', names, options);
  const colour = process.stdout.isTTY && !env['NO_COLOR'];
  const say = (line: LogLine) => {
    if (isShown(line, options))
      process.stdout.write(`${printLogLine(line, { output: options.output, colour })}\n`);
  };
  return await readUserCluster(options, { env, orElse: OR_ELSE }, async (found) => {
    const pods = () => podsOf(names, options, found, stop);
    const read = { found, options, sinceSeconds, stop };
    if (options.follow) await follow(pods, read, say);
    else {
      const all = await pods();
      if (all.length === 0) process.stderr.write('No pods found.\n');
      const lines = await Promise.all(all.map((pod) => linesOf(pod, read)));
      for (const line of byTime(lines.flat())) say(line);
    }
    return 0;
  });
}

async function podsOf(
  names: readonly string[],
  { selector, allNamespaces }: Options,
  { calls, cluster, namespace }: UserCluster,
  signal: AbortSignal,
): Promise<StoredObject[]> {
  const within = allNamespaces ? undefined : namespace;
  const chosen =
    selector === undefined
      ? names.map((name) => ({ namespace, name }))
      : (await calls.select(KINDS.consumerGroup, { namespace: within, selector, signal })).map(keyOf);
  const pods = await Promise.all(
    chosen.map(async ({ namespace, name }) => {
      const found = await calls.select(KINDS.pod, { namespace, selector: selectorOf(name), signal });
      if (found.length > 0) return found;
      const group = await cluster.get(KINDS.consumerGroup, { namespace, name }, { signal });
      if (group === undefined) throw await noSuchGroup(cluster, { namespace, name });
      return found;
    }),
  );
  return pods.flat();
}

interface Read {
  found: UserCluster;
  options: Options;
  sinceSeconds: number | undefined;
  stop: AbortSignal;
}

/** Of a pod that says nothing, as its container has not begun, only why. */
async function linesOf(pod: StoredObject, read: Read): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  try {
    for await (const line of eachLine(pod, { ...read, isFollow: false })) lines.push(line);
  } catch (thrown) {
    notRead(pod, thrown, read.stop);
  }
  return lines;
}

/** @throws KcgError `NotFound` for a pod without a node, of which the API server gives an empty log */
async function* eachLine(
  pod: StoredObject,
  { found, options, sinceSeconds, stop, isFollow }: Read & { isFollow: boolean },
): AsyncGenerator<LogLine> {
  const { name, annotations } = pod.metadata;
  const chunks = await found.calls.log(keyOf(pod), {
    container: options.container ?? annotations?.[WORKER_CONTAINER_ANNOTATION] ?? 'worker',
    follow: isFollow,
    previous: options.previous,
    tailLines: options.tail < 0 ? undefined : options.tail,
    sinceSeconds,
    signal: stop,
  });
  let before: LogLine | undefined;
  for await (const text of readLines(chunks)) yield (before = logLine(name, text, before));
  const { nodeName } = (pod.spec ?? {}) as { nodeName?: string };
  if (before === undefined && nodeName === undefined) {
    throw new KcgError('NotFound', 'no node has taken the pod yet', { fix: 'kcg status says why.' });
  }
}

/**
 * Each pod by itself; one whose container has begun anew is read from there.
 * @throws KcgError `AccessDenied` when logs may not be read
 */
async function follow(
  pods: () => Promise<StoredObject[]>,
  read: Read,
  say: (line: LogLine) => void,
): Promise<void> {
  const refused = new AbortController();
  const stop = AbortSignal.any([read.stop, refused.signal]);
  const open = new Map<string, Promise<void>>();
  const endedAt = new Map<string, number>();
  while (!stop.aborted) {
    for (const pod of await pods()) {
      const { uid } = pod.metadata;
      const isOver = ['Succeeded', 'Failed'].includes(
        (pod.status as { phase?: string } | undefined)?.phase ?? '',
      );
      if (open.has(uid) || (isOver && endedAt.has(uid))) continue;
      const ended = endedAt.get(uid);
      const sinceSeconds =
        ended === undefined
          ? read.sinceSeconds
          : Math.max(1, Math.ceil((systemClock.monotonic() - ended) / 1_000));
      const reading = (async () => {
        try {
          for await (const line of eachLine(pod, { ...read, stop, sinceSeconds, isFollow: true })) say(line);
        } catch (thrown) {
          if (ended === undefined) notRead(pod, thrown, stop);
        }
        endedAt.set(uid, systemClock.monotonic());
        open.delete(uid);
      })();
      open.set(
        uid,
        reading.catch((thrown: unknown) => refused.abort(thrown)),
      );
    }
    await systemClock.sleep(LOOK_MS, { signal: stop });
  }
  await Promise.all(open.values());
  if (!read.stop.aborted) refused.signal.throwIfAborted();
}

function notRead(pod: StoredObject, thrown: unknown, stop: AbortSignal): void {
  if (stop.aborted) return;
  if (hasCode(thrown, 'AccessDenied')) throw thrown;
  process.stderr.write(`warning: ${pod.metadata.name}: ${describeError(thrown)}\n`);
}
