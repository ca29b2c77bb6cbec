import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isRunning } from '../support/is-running.ts';
import { until } from '../support/until.ts';
import { KCG } from '../support/kcg-program.ts';

const CLI = `"${process.execPath}" "${KCG}"`;

/**
 * `kcg` of this tree. What goes on until Ctrl-C gets that once it has shown something, `dev` when all is over: it has its workers
 * running by the time somebody has opened a second terminal. `status` and `doctor` have done what they are for when they found a
 * trouble: workers that are still coming up are one.
 */
const SCRIPT = `#!/bin/bash
shown=$(mktemp)
case " $* " in
*' --no-follow '*) exec ${CLI} "$@" ;;
*' dev '*) wanted='who owns what' ;;
*' emulator '*) wanted=http ;;
*' --watch '* | *' --rate '* | ' tail '*) wanted=. ;;
' status '* | ' doctor '*)
  ${CLI} "$@" 2>"$shown"
  code=$?
  cat "$shown" >&2
  [ $code = 1 ] && ! grep -q '^error:' "$shown" && exit 0
  exit $code ;;
*) exec ${CLI} "$@" ;;
esac
${CLI} "$@" >"$shown" 2>&1 &
pid=$!
until grep -q "$wanted" "$shown" || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
case " $* " in *' dev '* | *' emulator '*)
  group=$(sed -n 's/^who owns what: *kcg leases \\(.*\\) --watch$/\\1/p' "$shown" | head -1)
  if [ -n "$group" ]; then
    until ${CLI} leases $group | grep -Eq ', ([1-9][0-9]*) of \\1 shards owned' || ! kill -0 $pid; do sleep 0.1; done
  fi
  cat "$shown"
  echo $pid >>"$DOCS_STATE/pids"
  kill -0 $pid
  exit ;;
esac
kill -INT $pid 2>/dev/null
wait $pid
code=$?
cat "$shown"
[ $code = 130 ] && exit 0
exit $code
`;

/** A folder with what the docs name in theirs, and a shell that runs what they say in it, one thing after the other as in a terminal. */
export class DocsShell {
  readonly folder = mkdtempSync(join(tmpdir(), 'kcg-docs-'));
  readonly #state = mkdtempSync(join(tmpdir(), 'kcg-docs-state-'));
  readonly #env: NodeJS.ProcessEnv;

  /** @param env beside what this process has */
  constructor(env: NodeJS.ProcessEnv) {
    for (const name of ['charts', 'crds', 'deploy', 'examples'])
      cpSync(name, join(this.folder, name), { recursive: true });
    mkdirSync(join(this.folder, 'bin'));
    this.#env = {
      ...process.env,
      HOME: this.folder,
      PATH: `${this.#state}:${process.env['PATH']}`,
      NPM_CONFIG_UPDATE_NOTIFIER: 'false',
      DOCS_STATE: this.#state,
      ...env,
    };
    this.program('kcg', SCRIPT);
    this.program('kubectl-kcg', `#!/bin/sh\nexec kcg "$@"\n`);
    this.program('npm', `#!/bin/sh\ncd "${resolve('.')}" && PATH=\${PATH#*:} exec npm "$@"\n`);
  }

  /** A program of that name, found before the machine's. */
  program(name: string, script: string): void {
    const path = join(this.#state, name);
    writeFileSync(path, script);
    chmodSync(path, 0o755);
  }

  set(env: NodeJS.ProcessEnv): void {
    Object.assign(this.#env, env);
  }

  file(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  /** What a script prints. @throws Error with all that it has said, when one of its commands fails */
  run(script: string, seconds = 480): Promise<string> {
    const state = join(this.#state, 'env');
    const before = existsSync(state) ? readFileSync(state, 'utf8') : `cd '${this.folder}'\n`;
    const after = `\n{ export -p; printf 'cd %q\\n' "$PWD"; } >"$DOCS_STATE/env"\n`;
    return new Promise((done, failed) => {
      const child = spawn('bash', ['-e', '-u', '-o', 'pipefail', '-c', `${before}${script}${after}`], {
        env: this.#env,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += String(data)));
      const late = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), seconds * 1_000);
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        if (code === 0) done(said);
        else failed(new Error(`${code ?? signal}: ${script}\n${said}`));
      });
    });
  }

  /** Ends what goes on, and removes it all. */
  async close(): Promise<void> {
    const pids = join(this.#state, 'pids');
    if (existsSync(pids)) {
      for (const pid of readFileSync(pids, 'utf8').trim().split('\n').map(Number)) {
        if (isRunning(pid)) process.kill(pid, 'SIGINT');
        await until(`the end of process ${pid}`, () => !isRunning(pid));
      }
    }
    for (const folder of [this.folder, this.#state]) rmSync(folder, { recursive: true, force: true });
  }
}
