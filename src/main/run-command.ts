import { styleText } from 'node:util';
import { KcgError } from '../lib/errors.ts';
import { nearestOf } from '../lib/nearest.ts';
import { optionHelp, type OptionTable } from '../lib/options.ts';
import { sayLastWords } from './last-words.ts';

type Run = (argv: readonly string[], env: NodeJS.ProcessEnv, stop: AbortSignal) => Promise<number>;
interface Command {
  summary: string;
  usage: string;
  load: () => Promise<{ run: Run; options: OptionTable }>;
}

/** Each verb is loaded only when it is asked for: a worker never loads the Kubernetes client. */
const COMMANDS: Record<string, Command> = {
  dev: {
    summary: 'run a group on this machine: operator, workers, local Kinesis and DynamoDB',
    usage: 'kcg dev -f group.yaml',
    load: async () => {
      const { devOptions, runDevCommand } = await import('./dev.ts');
      return { options: devOptions, run: runDevCommand };
    },
  },
  demo: {
    summary: 'show failover, draining and resharding on this machine',
    usage: 'kcg demo',
    load: async () => {
      const { demoOptions, runDemoCommand } = await import('./demo.ts');
      return { options: demoOptions, run: runDemoCommand };
    },
  },
  get: {
    summary: 'list consumer groups, as "kubectl get kcg" does',
    usage: 'kcg get [NAME]',
    load: async () => {
      const { getOptions, runGetCommand } = await import('./get.ts');
      return { options: getOptions, run: runGetCommand };
    },
  },
  leases: {
    summary: 'show who owns which shard and how far it is, from the table alone',
    usage: 'kcg leases (NAME | -f group.yaml | --table TABLE)',
    load: async () => {
      const { leasesOptions, runLeasesCommand } = await import('./leases.ts');
      return { options: leasesOptions, run: runLeasesCommand };
    },
  },
  import: {
    summary: 'begin a group with the positions of another consumer, or show what that would do',
    usage: 'kcg import (NAME | -f group.yaml | --group ID --stream STREAM --type TYPE --from TABLE)',
    load: async () => {
      const { importOptions, runImportCommand } = await import('./import.ts');
      return { options: importOptions, run: runImportCommand };
    },
  },
  compare: {
    summary: "show a group's positions beside those of another consumer of the stream",
    usage: 'kcg compare (NAME | -f group.yaml) --type TYPE --with TABLE',
    load: async () => {
      const { compareOptions, runCompareCommand } = await import('./compare.ts');
      return { options: compareOptions, run: runCompareCommand };
    },
  },
  export: {
    summary: 'write the positions of a stopped group into the table of KCL or async-kinesis',
    usage: 'kcg export (NAME | -f group.yaml) --to kcl|async-kinesis --to-table TABLE',
    load: async () => {
      const { exportOptions, runExportCommand } = await import('./export.ts');
      return { options: exportOptions, run: runExportCommand };
    },
  },
  redrive: {
    summary: 'hand batches that were given up to the handler again',
    usage: 'kcg redrive (NAME | -f group.yaml)',
    load: async () => {
      const { redriveOptions, runRedriveCommand } = await import('./redrive.ts');
      return { options: redriveOptions, run: runRedriveCommand };
    },
  },
  operator: {
    summary: 'run the operator (in a pod, or here with --kubeconfig)',
    usage: 'kcg operator',
    load: async () => {
      const { operatorOptions, runOperatorCommand } = await import('./operator.ts');
      return { options: operatorOptions, run: runOperatorCommand };
    },
  },
  worker: {
    summary: 'run one worker of a group (started by the operator or by "kcg dev")',
    usage: 'kcg worker',
    load: async () => {
      const { workerOptions, runWorkerCommand } = await import('./worker.ts');
      return { options: workerOptions, run: runWorkerCommand };
    },
  },
  install: {
    summary: 'copy this program into a folder (the init container of module handlers)',
    usage: 'kcg install DIR',
    load: async () => {
      const { installOptions, runInstallCommand } = await import('./install.ts');
      return { options: installOptions, run: runInstallCommand };
    },
  },
};

const VERSION = '0.1.0';

function mainHelp(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const rows = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${styleText('cyan', name.padEnd(width))}  ${summary}`,
  );
  return [
    'kcg runs Kinesis consumer groups on Kubernetes, or on this machine.',
    '',
    'Usage: kcg COMMAND [OPTIONS]',
    '',
    'Commands:',
    ...rows,
    '',
    'Run "kcg COMMAND --help" for the options of a command, "kcg --version" for the version.',
  ].join('\n');
}

/** Exit codes: 0 done, 1 it failed, 2 the input was wrong (nothing was touched). */
export async function runCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const out = (line: string) => process.stdout.write(`${line}\n`);
  const [name = '--help', ...rest] = argv[0] === 'help' && argv[1] ? [argv[1], '--help'] : argv;
  if (name === '--version' || name === '-v') {
    out(VERSION);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    out(mainHelp());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  try {
    if (command === undefined) {
      const near = nearestOf(name, Object.keys(COMMANDS));
      const fix = near === undefined ? 'See kcg --help.' : `Did you mean kcg ${near}?`;
      throw new KcgError('InvalidInput', `there is no command '${name}'`, { fix });
    }
    const { run, options } = await command.load();
    if (rest.includes('--help') || rest.includes('-h')) {
      const list = optionHelp(options);
      out(`${command.summary}\n\nUsage: ${command.usage}${list && ` [OPTIONS]\n\nOptions:\n${list}`}`);
      return 0;
    }
    return await run(rest, env, stop);
  } catch (thrown) {
    sayLastWords(thrown, env);
    if (KcgError.from(thrown).code === 'Internal' && env['KCG_DEBUG'])
      process.stderr.write(`${(thrown as Error).stack}\n`);
    return KcgError.from(thrown).code === 'InvalidInput' ? 2 : 1;
  }
}
