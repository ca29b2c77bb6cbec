import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RECIPES } from './recipes.ts';
import { record } from './record.ts';

/*
 * node test/import/programs/make-fixtures.ts [NAME …]: runs the real programs, all or those named, and writes what their stores
 * hold to test/import/fixtures. Each gets a network of its own, with loopback alone: KCL asks 169.254.169.254 where it runs.
 */

const [first, ...rest] = process.argv.slice(2);
if (first === '--inside') {
  const [name = ''] = rest;
  const fixture = await record(name, (line) => process.stdout.write(`${line}\n`));
  const file = join(import.meta.dirname, '../fixtures', `${name}.json`);
  await writeFile(file, `${JSON.stringify(fixture, null, 1)}\n`);
  process.exit(0);
}
const names = first === undefined ? Object.keys(RECIPES) : [first, ...rest];
for (const name of names) {
  // What has to be downloaded is, before the network is left.
  await RECIPES[name]
    ?.start({ stream: '', table: '', kinesis: 'http://x', dynamodb: 'http://x', createdAt: 0 })
    .then(({ redis }) => redis?.stop());
  const inside = [process.execPath, import.meta.filename, '--inside', name]
    .map((word) => `'${word}'`)
    .join(' ');
  execFileSync('unshare', ['-rn', 'sh', '-c', `ip link set lo up && exec ${inside}`], { stdio: 'inherit' });
}
process.exit(0);
