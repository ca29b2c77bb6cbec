import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../scripts/bundle.ts';
import { cpuSeconds } from '../../test/support/cpu-time.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';

/** What the operator has done so far. */
export interface Work {
  cpuSeconds: number;
  /** Greatest until now. */
  peakMb: number;
  /** `verb resource`, the requests of the Kubernetes API that write; its own Lease left out. */
  writes: Readonly<Record<string, number>>;
}

const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete']);

/** `kcg operator` as a process, as a pod runs it. */
export class BenchedOperator {
  /** Monotonic: the process began then, bundled already. */
  readonly startedMs = clock.monotonic();
  /** Rejects when the process ends by itself, with what it said last. */
  readonly failed: Promise<never>;
  readonly #child: ChildProcess;
  readonly #port: number;

  private constructor(child: ChildProcess, { port, log }: { port: number; log: string }) {
    this.#child = child;
    this.#port = port;
    process.once('exit', () => child.kill('SIGKILL'));
    this.failed = new Promise((_, reject) =>
      child.once('exit', (code, signal) => {
        const [last = ''] = readFileSync(log, 'utf8').trim().split('\n').slice(-1);
        reject(new Error(`the operator ended with ${code ?? signal}: ${last}`));
      }),
    );
    this.failed.catch(() => {});
  }

  /** Bundled into `folder` first, as it ships; its log is there, too. */
  static async start(
    flags: readonly string[],
    {
      port,
      folder,
      nodeFlags = [],
    }: { port: number; folder: string; nodeFlags?: readonly string[] | undefined },
  ) {
    await bundle(folder);
    const path = join(folder, 'operator.log');
    const log = openSync(path, 'a');
    const args = [...nodeFlags, join(folder, 'kcg.mjs'), 'operator', '--http-port', String(port), ...flags];
    // As in the chart.
    const chart = { MALLOC_ARENA_MAX: '1' };
    const env = { ...process.env, ...chart, ...LOCAL_CREDENTIALS, AWS_EC2_METADATA_DISABLED: 'true' };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log] });
    closeSync(log);
    return new BenchedOperator(child, { port, log: path });
  }

  async work(): Promise<Work> {
    const proc = `/proc/${this.#child.pid}`;
    const peakKb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`${proc}/status`, 'utf8'))?.[1];
    return {
      cpuSeconds: cpuSeconds(readFileSync(`${proc}/stat`, 'utf8')),
      peakMb: Number(peakKb) / 1024,
      writes: await this.#writes(),
    };
  }

  async stop(): Promise<void> {
    const exited = new Promise((done) => this.#child.once('exit', done));
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await exited;
  }

  async #writes(): Promise<Record<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text();
    const writes: Record<string, number> = {};
    for (const [, labels = '', value] of text.matchAll(
      /^kcg_operator_kube_requests_total\{(.*)\} (\d+)$/gm,
    )) {
      const [, verb = ''] = /verb="(\w+)"/.exec(labels) ?? [];
      const [, resource = ''] = /resource="([^"]*)"/.exec(labels) ?? [];
      const kind = resource.split(' ')[0]!;
      if (!WRITES.has(verb) || kind === 'leases') continue;
      const what = `${verb} ${kind}`;
      writes[what] = (writes[what] ?? 0) + Number(value);
    }
    return writes;
  }
}
