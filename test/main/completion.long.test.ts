import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { debianPackages } from '../support/debian-packages.ts';
import { writeProgram } from '../support/kcg-here.ts';

/* The scripts for zsh and fish in those shells; zsh as somebody types, on a terminal that Python plays: the lines of docs/command.md. */

let folder: string;
let root: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  root = debianPackages('shells', 'zsh', 'zsh-common', 'fish', 'fish-common', 'libpcre2-32-0');
  folder = mkdtempSync(join(tmpdir(), 'kcg-completion-'));
  writeProgram(folder);
  writeFileSync(join(folder, 'group.yaml'), '');
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const libraries = join(root, `usr/lib/${arch}-linux-gnu`);
  env = {
    PATH: `${folder}:${process.env['PATH']}`,
    HOME: folder,
    LD_LIBRARY_PATH: libraries,
    ROOT: root,
    LIBRARIES: libraries,
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fish(line: string): string[] {
  const script = `set fish_function_path ${root}/usr/share/fish/functions; kcg completion fish | source; complete -C '${line}'`;
  const out = execFileSync(join(root, 'usr/bin/fish'), ['--no-config', '-c', script], {
    env,
    cwd: folder,
    encoding: 'utf8',
  });
  return out.trim().split('\n');
}

test('fish completes commands, flags with what they mean, values and files', () => {
  expect(fish('kcg sta')).toEqual([expect.stringMatching(/^status\twhat runs/)]);
  expect(fish('kcg status --outp')).toEqual([expect.stringMatching(/^--output\t/)]);
  expect(fish('kcg get --output=j')).toEqual(['--output=json']);
  expect(fish('kcg status -f gr')).toEqual(['group.yaml']);
  expect(fish('kcg status --file=gr')).toEqual(['--file=group.yaml']);
}, 300_000);

/** Types a line and Tab, and prints the line that this makes. */
const TYPIST = `
import os, pty, re, select, sys, time
root, libraries, line, wanted = os.environ['ROOT'], os.environ['LIBRARIES'], sys.argv[1], sys.argv[2]
pid, fd = pty.fork()
if pid == 0:
    os.execve(root + '/bin/zsh', [root + '/bin/zsh', '-f', '-i'], dict(os.environ, TERM='dumb'))
seen = b''
def until(pattern):
    global seen
    end = time.time() + 250
    while time.time() < end and not re.search(pattern.encode(), seen):
        if select.select([fd], [], [], 0.5)[0]:
            try: seen += os.read(fd, 65536)
            except OSError: break
    if not re.search(pattern.encode(), seen): sys.exit(repr(seen[-2000:]))
functions = root + '/usr/share/zsh/functions'
os.write(fd, f"module_path=({libraries}/zsh/*(/)); fpath=({functions}/*(/) {functions}/Completion/*(/))\\n".encode())
os.write(fd, b"autoload -Uz compinit; compinit -u -D; source <(kcg completion zsh); echo LOAD''ED\\n")
until('LOADED')
seen = b''
os.write(fd, (line + '\\t').encode())
until(wanted)
print('completed')
os.kill(pid, 9)
`;

test.each([
  ['kcg sta', 'kcg status '],
  ['kcg status --outp', 'kcg status --output '],
  ['kcg status --output=j', '--output=json'],
  ['kcg status --file=gr', '--file=group.yaml'],
])(
  'zsh completes %j to %j',
  (line, wanted) => {
    const out = execFileSync('python3', ['-c', TYPIST, line, wanted], { env, cwd: folder, encoding: 'utf8' });
    expect(out.trim()).toBe('completed');
  },
  600_000,
);
