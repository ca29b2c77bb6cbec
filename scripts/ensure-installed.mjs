// Runs on whatever Node started npm, before anything is installed: plain JavaScript, no dependencies.
// Installs what package-lock.json names when it is missing or has changed, and says so.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.kcg-installed');
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  // A worktree that shares another checkout's: npm ci would empty that folder under its users.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    const there = dirname(realpathSync(modules));
    process.stderr.write(
      `node_modules is a link, and what it leads to is out of date: run npm ci in ${there}.\n`,
    );
    process.exit(1);
  }
  process.stderr.write('Installing what package-lock.json names (once; about 20 seconds) …\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false'];
  const { status } = spawnSync(npm, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    process.stderr.write('npm ci failed: see above. Is the package registry reachable?\n');
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

const own = join(modules, '.bin', 'node');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (!existsSync(own) && (major < 22 || (major === 22 && minor < 21))) {
  process.stderr.write(
    `kcg needs Node 22.21 or later; this is ${process.versions.node}, and there is no packaged one for this platform.\n`,
  );
  process.exit(1);
}
