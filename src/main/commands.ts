import type { OptionTable } from '../lib/options.ts';

type Run = (argv: readonly string[], env: NodeJS.ProcessEnv, stop: AbortSignal) => Promise<number>;
export interface Command {
  summary: string;
  usage: string;
  load: () => Promise<{ run: Run; options: OptionTable }>;
  /** The same options without what runs: whoever presses Tab waits for it. Default: `load`'s. */
  options?: () => Promise<OptionTable>;
}

/** Each verb is loaded only when it is asked for: a worker never loads the Kubernetes client. */
export const COMMANDS: Record<string, Command> = {
  dev: {
    summary: 'run a group on this machine: operator, workers, local Kinesis and DynamoDB',
    usage: 'kcg dev -f group.yaml',
    load: async () => {
      const { devOptions, runDevCommand } = await import('./local/dev.ts');
      return { options: devOptions, run: runDevCommand };
    },
  },
  demo: {
    summary: 'show failover, draining and resharding on this machine',
    usage: 'kcg demo',
    load: async () => {
      const { demoOptions, runDemoCommand } = await import('./local/demo.ts');
      return { options: demoOptions, run: runDemoCommand };
    },
  },
  emulator: {
    summary: 'local Kinesis and DynamoDB alone, for groups in a cluster and for your own programs',
    usage: 'kcg emulator',
    load: async () => {
      const { emulatorOptions, runEmulatorCommand } = await import('./local/emulator.ts');
      return { options: emulatorOptions, run: runEmulatorCommand };
    },
  },
  get: {
    summary: 'list consumer groups, as "kubectl get kcg" does',
    usage: 'kcg get [NAME...]',
    options: async () => (await import('../cli/get.ts')).getOptions,
    load: async () => {
      const { getOptions, runGetCommand } = await import('./verbs/get.ts');
      return { options: getOptions, run: runGetCommand };
    },
  },
  status: {
    summary: 'what runs, what is wrong and what to do next, on one screen',
    usage: 'kcg status [NAME... | -f group.yaml | --table TABLE]',
    options: async () => (await import('../cli/status.ts')).statusOptions,
    load: async () => {
      const { statusOptions, runStatusCommand } = await import('./verbs/status.ts');
      return { options: statusOptions, run: runStatusCommand };
    },
  },
  describe: {
    summary: 'all that is known of a group: conditions, table, workers, shards, pods, Events',
    usage: 'kcg describe [NAME... | -f group.yaml | --table TABLE]',
    options: async () => (await import('../cli/describe.ts')).describeOptions,
    load: async () => {
      const { describeOptions, runDescribeCommand } = await import('./verbs/describe.ts');
      return { options: describeOptions, run: runDescribeCommand };
    },
  },
  shards: {
    summary: 'the shards of a group as a tree: width, owner, load, lag, judgement',
    usage: 'kcg shards (NAME... | -f group.yaml | --table TABLE)',
    options: async () => (await import('../cli/shards.ts')).shardsOptions,
    load: async () => {
      const { shardsOptions, runShardsCommand } = await import('./verbs/shards.ts');
      return { options: shardsOptions, run: runShardsCommand };
    },
  },
  leases: {
    summary: 'show who owns which shard and how far it is, from the table alone',
    usage: 'kcg leases (NAME | -f group.yaml | --table TABLE)',
    options: async () => (await import('../cli/leases.ts')).leasesOptions,
    load: async () => {
      const { leasesOptions, runLeasesCommand } = await import('./verbs/leases.ts');
      return { options: leasesOptions, run: runLeasesCommand };
    },
  },
  pause: {
    summary: 'read nothing, and keep the pods',
    usage: 'kcg pause (NAME... | -l SELECTOR | --all)',
    options: async () => (await import('../cli/act.ts')).actOptions,
    load: async () => {
      const { actOptions, setStateCommand } = await import('./verbs/set-state.ts');
      return { options: actOptions, run: setStateCommand('pause') };
    },
  },
  resume: {
    summary: 'go on with a group that was paused or stopped',
    usage: 'kcg resume (NAME... | -l SELECTOR | --all)',
    options: async () => (await import('../cli/act.ts')).actOptions,
    load: async () => {
      const { actOptions, setStateCommand } = await import('./verbs/set-state.ts');
      return { options: actOptions, run: setStateCommand('resume') };
    },
  },
  stop: {
    summary: 'end the pods of a group, and keep its positions',
    usage: 'kcg stop (NAME... | -l SELECTOR | --all)',
    options: async () => (await import('../cli/act.ts')).actOptions,
    load: async () => {
      const { actOptions, setStateCommand } = await import('./verbs/set-state.ts');
      return { options: actOptions, run: setStateCommand('stop') };
    },
  },
  restart: {
    summary: 'replace the pods of a group, one handover after another',
    usage: 'kcg restart (NAME... | -l SELECTOR | --all)',
    options: async () => (await import('../cli/act.ts')).actOptions,
    load: async () => {
      const { actOptions, runRestartCommand } = await import('./verbs/restart.ts');
      return { options: actOptions, run: runRestartCommand };
    },
  },
  drain: {
    summary: 'let a worker give its shards away and end; another takes its place',
    usage: 'kcg drain POD...',
    load: async () => {
      const { drainOptions, runDrainCommand } = await import('./verbs/drain.ts');
      return { options: drainOptions, run: runDrainCommand };
    },
  },
  logs: {
    summary: 'what the workers of a group say, all pods together, readable',
    usage: 'kcg logs (NAME... | -l SELECTOR)',
    options: async () => (await import('../cli/logs.ts')).logsOptions,
    load: async () => {
      const { logsOptions, runLogsCommand } = await import('./verbs/logs.ts');
      return { options: logsOptions, run: runLogsCommand };
    },
  },
  tail: {
    summary: "records as they come, decoded and filtered, beside the group's positions",
    usage: 'kcg tail (NAME | -f group.yaml | --stream STREAM)',
    options: async () => (await import('../cli/tail.ts')).tailOptions,
    load: async () => {
      const { tailOptions, runTailCommand } = await import('./verbs/tail.ts');
      return { options: tailOptions, run: runTailCommand };
    },
  },
  put: {
    summary: "put records into a group's stream",
    usage: 'kcg put (NAME | -f group.yaml | --stream STREAM) [--data TEXT | --data-file FILE]',
    options: async () => (await import('../cli/put.ts')).putOptions,
    load: async () => {
      const { putOptions, runPutCommand } = await import('./verbs/put.ts');
      return { options: putOptions, run: runPutCommand };
    },
  },
  iam: {
    summary: 'least-privilege IAM policies for the groups there are',
    usage: 'kcg iam [NAME... | -f group.yaml]',
    options: async () => (await import('../cli/iam.ts')).iamOptions,
    load: async () => {
      const { iamOptions, runIamCommand } = await import('./verbs/iam.ts');
      return { options: iamOptions, run: runIamCommand };
    },
  },
  preflight: {
    summary: 'what would come of applying a group: rights, stream, table, claim, conflicts',
    usage: 'kcg preflight -f group.yaml',
    options: async () => (await import('../cli/preflight.ts')).preflightOptions,
    load: async () => {
      const { preflightOptions, runPreflightCommand } = await import('./verbs/preflight.ts');
      return { options: preflightOptions, run: runPreflightCommand };
    },
  },
  doctor: {
    summary: 'is everything there that kcg needs, from this machine to the groups?',
    usage: 'kcg doctor',
    options: async () => (await import('../cli/doctor.ts')).doctorOptions,
    load: async () => {
      const { doctorOptions, runDoctorCommand } = await import('./verbs/doctor.ts');
      return { options: doctorOptions, run: runDoctorCommand };
    },
  },
  report: {
    summary: 'one archive for a bug report, without secrets and record data',
    usage: 'kcg report (NAME | -f group.yaml | --table TABLE)',
    options: async () => (await import('../cli/report.ts')).reportOptions,
    load: async () => {
      const { reportOptions, runReportCommand } = await import('./verbs/report.ts');
      return { options: reportOptions, run: runReportCommand };
    },
  },
  cost: {
    summary: 'what a group costs a month, beside the same load on KCL and Lambda',
    usage: 'kcg cost [NAME... | -f group.yaml]',
    options: async () => (await import('../cli/cost.ts')).costOptions,
    load: async () => {
      const { costOptions, runCostCommand } = await import('./verbs/cost.ts');
      return { options: costOptions, run: runCostCommand };
    },
  },
  completion: {
    summary: 'the script that completes this command in a shell',
    usage: 'kcg completion bash|zsh|fish|kubectl',
    load: async () => {
      const { completionOptions, runCompletionCommand } = await import('./verbs/completion.ts');
      return { options: completionOptions, run: runCompletionCommand };
    },
  },
  import: {
    summary: 'begin a group with the positions of another consumer, or show what that would do',
    usage: 'kcg import (NAME | -f group.yaml | --group ID --stream STREAM --type TYPE --from TABLE)',
    load: async () => {
      const { importOptions, runImportCommand } = await import('./verbs/import.ts');
      return { options: importOptions, run: runImportCommand };
    },
  },
  compare: {
    summary: "show a group's positions beside those of another consumer of the stream",
    usage: 'kcg compare (NAME | -f group.yaml) --type TYPE --with TABLE',
    load: async () => {
      const { compareOptions, runCompareCommand } = await import('./verbs/compare.ts');
      return { options: compareOptions, run: runCompareCommand };
    },
  },
  export: {
    summary: 'write the positions of a stopped group into the table of KCL or async-kinesis',
    usage: 'kcg export (NAME | -f group.yaml) --to kcl|async-kinesis --to-table TABLE',
    load: async () => {
      const { exportOptions, runExportCommand } = await import('./verbs/export.ts');
      return { options: exportOptions, run: runExportCommand };
    },
  },
  reset: {
    summary: 'move the positions of a group: back, forward, or to where they were',
    usage: 'kcg reset (NAME | -f group.yaml) (--to WHERE | --undo)',
    load: async () => {
      const { resetOptions, runResetCommand } = await import('./verbs/reset.ts');
      return { options: resetOptions, run: runResetCommand };
    },
  },
  redrive: {
    summary: 'hand batches that were given up to the handler again',
    usage: 'kcg redrive (NAME | -f group.yaml)',
    load: async () => {
      const { redriveOptions, runRedriveCommand } = await import('./verbs/redrive.ts');
      return { options: redriveOptions, run: runRedriveCommand };
    },
  },
  operator: {
    summary: 'run the operator (in a pod, or here with --kubeconfig)',
    usage: 'kcg operator',
    load: async () => {
      const { operatorOptions } = await import('./operator/operator-options.ts');
      const { runOperatorCommand } = await import('./operator.ts');
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
      const { installOptions, runInstallCommand } = await import('./verbs/install.ts');
      return { options: installOptions, run: runInstallCommand };
    },
  },
};
