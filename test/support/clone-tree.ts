import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Whatever whoever runs tests has in a configuration of their own. */
const CONFIG = [
  ['user.name', 'Release'],
  ['user.email', 'release@example.invalid'],
  ['commit.gpgsign', 'false'],
  ['tag.gpgsign', 'false'],
  ['core.autocrlf', 'false'],
  ['core.hooksPath', '/dev/null'],
];

/** This tree, with what is not committed yet, as one commit of a repository of its own: for scripts that write into theirs. */
export function cloneTree(folder: string): void {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  const files = list.split('\0').filter((path) => path !== '' && existsSync(path));
  for (const path of files) cpSync(path, join(folder, path));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder });
  git('init', '--quiet');
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  // A link is no folder, which is what .gitignore names.
  execFileSync('sh', ['-c', 'echo node_modules >> .git/info/exclude'], { cwd: folder });
  for (const [name = '', value = ''] of CONFIG) git('config', name, value);
  git('add', '--all');
  git('commit', '--quiet', '--message', 'The tree as it is');
}
