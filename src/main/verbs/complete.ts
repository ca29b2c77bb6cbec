import {
  complete,
  flagIn,
  namespaceIn,
  printCompletion,
  type Candidate,
  type Completion,
} from '../../cli/complete.ts';
import { GROUP_LABEL } from '../../api/labels.ts';
import { KINDS, type ResourceKind } from '../../kubernetes/cluster.ts';
import { systemClock, withDeadline } from '../../lib/clock.ts';
import type { OptionTable } from '../../lib/options.ts';
import type { Command, COMMANDS } from '../commands.ts';

/** Who waits for a Tab has no patience, ms. */
const PATIENCE_MS = 3_000;

/** `kcg __complete WORDS…`: what can stand where the last of the words is. Never fails: it says nothing instead. */
export async function runComplete(
  words: readonly string[],
  commands: typeof COMMANDS,
  { env, stop }: { env: NodeJS.ProcessEnv; stop: AbortSignal },
): Promise<number> {
  const [name = ''] = words;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const options: OptionTable = words.length > 1 && command ? await optionsOf(command) : {};
  const summaries = Object.fromEntries(
    Object.entries(commands).map(([each, { summary }]) => [each, summary]),
  );
  const completion = complete(words, { commands: summaries, options });
  const found = await candidatesOf(completion, words, { env, stop });
  process.stdout.write(`${printCompletion(found, completion.kind === 'files')}\n`);
  return 0;
}

async function optionsOf(command: Command): Promise<OptionTable> {
  return command.options ? await command.options() : (await command.load()).options;
}

async function candidatesOf(
  completion: Completion,
  words: readonly string[],
  by: { env: NodeJS.ProcessEnv; stop: AbortSignal },
): Promise<Candidate[]> {
  if (completion.kind === 'candidates') return completion.candidates;
  if (!('prefix' in completion)) return [];
  const { kind, prefix, before = '' } = completion;
  try {
    const known = kind === 'contexts' ? await contexts(words) : await names(LISTED_KINDS[kind], words, by);
    return known
      .filter((name) => name.startsWith(prefix))
      .map((name) => ({ value: `${before}${name}`, description: '' }));
  } catch {
    return [];
  }
}

const LISTED_KINDS = { namespaces: KINDS.namespace, groups: KINDS.consumerGroup, pods: KINDS.pod };

/** Its libraries are loaded only where somebody asks for what they know. */
async function contexts(words: readonly string[]): Promise<string[]> {
  const { contextNames } = await import('../../kubernetes/kube/config.ts');
  return contextNames(flagIn(words, 'kubeconfig'));
}

async function names(
  kind: ResourceKind,
  words: readonly string[],
  { env, stop }: { env: NodeJS.ProcessEnv; stop: AbortSignal },
): Promise<string[]> {
  const flags = {
    namespace: namespaceIn(words),
    server: flagIn(words, 'server'),
    kubeconfig: flagIn(words, 'kubeconfig'),
    context: flagIn(words, 'context'),
  };
  const { openUserCluster } = await import('../groups/user-cluster.ts');
  const { calls, cluster, namespace } = await openUserCluster(flags, { env });
  const selector = kind === KINDS.pod ? GROUP_LABEL : undefined;
  try {
    const objects = await withDeadline(
      systemClock,
      PATIENCE_MS,
      { what: 'the list', signal: stop },
      (signal) =>
        calls.select(kind, { namespace: kind.namespaced ? namespace : undefined, selector, signal }),
    );
    return objects.map(({ metadata }) => metadata.name).toSorted();
  } finally {
    await cluster.close();
  }
}
