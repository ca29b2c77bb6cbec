#!/usr/bin/env bash
# Packs the npm tarball, installs it in an empty folder without a network, and starts its bins there,
# as docs/install.md, docs/quick-start.md and docs/library.md say.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
npm run --silent build
npm pack --silent --pack-destination "$work" >/dev/null
# All is bundled: whoever installs it gets this package and no other, no Node either, which a checkout brings along.
mkdir "$work/app" && cd "$work/app"
npm install --silent --offline --no-audit --no-fund --cache "$work/cache" "$work"/kcg-*.tgz
node -e '
  const { packages } = require("./package-lock.json");
  const others = Object.entries(packages).filter(([path]) => path !== "" && path !== "node_modules/kcg").map(([path]) => path);
  const { name, dependencies, optionalDependencies, peerDependencies } = require("./node_modules/kcg/package.json");
  others.push(...Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }));
  if (others.length > 0) throw new Error(`installing ${name} installs others: ${others.join(", ")}`);
  const { readdirSync, readFileSync, statSync } = require("node:fs");
  const files = readdirSync("node_modules/kcg", { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => `${parentPath}/${name}`);
  const programs = paths.filter((path) => readFileSync(path).toString("latin1", 0, 4) === "\x7fELF");
  if (programs.length > 0) throw new Error(`the package holds compiled programs: ${programs.join(", ")}`);
  const large = paths.filter((path) => statSync(path).size > 5e6);
  if (large.length > 0) throw new Error(`more than 5 MB, a dependency comes along whole: ${large.join(", ")}`);
'
for bin in kcg kubectl-kcg; do
  "node_modules/.bin/$bin" --version
  "node_modules/.bin/$bin" --help >/dev/null
done
for command in operator worker get leases dev demo; do node_modules/.bin/kcg "$command" --help >/dev/null; done
# The dashboard comes along, and is found.
cat >group.yaml <<'YAML'
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: shop}
spec: {stream: {name: orders}, region: eu-west-1, handler: {log: {}}}
YAML
node_modules/.bin/kcg dev -q -f group.yaml >dev.log 2>&1 & dev=$!
until grep -q 'kcg leases' dev.log; do kill -0 "$dev" || { cat dev.log; exit 1; }; sleep 0.1; done
node -e '
  const [, url] = /dashboard +(\S+)/.exec(require("node:fs").readFileSync("dev.log", "utf8"));
  Promise.all(["", "page.js", "page.css", "favicon.svg"].map(async (path) => {
    const answer = await fetch(url + path);
    if (!answer.ok) throw new Error(`${url}${path}: ${answer.status} ${await answer.text()}`);
  }));
'
kill "$dev"
wait "$dev" || true
# What a handler's author writes.
cat >handler.ts <<'TS'
import type { BatchHandler } from 'kcg';
const handler: BatchHandler = async (batch, { signal, log }) => {
  for (const record of batch.records) log.info('got', { of: record.json<{ id: number }>().id, aborted: signal.aborted });
  return { batchItemFailures: [] };
};
export default handler;
TS
tsc --noEmit --strict --module nodenext --target es2024 --types node --typeRoots "$root/node_modules/@types" --ignoreConfig handler.ts
# What a program writes that runs a worker itself: it type-checks, and refuses what is wrong without anything beside the package.
cat >program.mts <<'TS'
import { KcgError, Worker, type BatchHandler, type ProcessContext, type Batch, type WorkerOptions } from 'kcg/runtime';
const options: WorkerOptions = { groupId: 'shop.orders', stream: { name: 'orders' }, region: 'eu-west-1', table: { create: true } };
const handler: BatchHandler = async (batch) => console.log(batch.records.length);
class Processor {
  static checkpoints = 'manual' as const;
  async process({ records }: Batch, context: ProcessContext) {
    context.checkpoint(records[0]);
  }
}
const keys = async () => ({ accessKeyId: 'a', secretAccessKey: 'b', expiration: new Date(0) });
const workers = [new Worker({ ...options, handler, credentials: keys }), new Worker({ ...options, handler: Processor })];
workers[0]!.on('RecordsGivenUp', ({ records, condition }) => console.log(records, condition));
export async function first(): Promise<unknown> {
  for await (const record of new Worker(options).records()) return record.value;
}
try {
  new Worker({ ...options, batchSize: 0 });
} catch (error) {
  if (!(error instanceof KcgError)) throw error;
  console.log(error.code, error.message);
}
TS
# From CommonJS, too.
cat >program.cts <<'TS'
import { Worker } from 'kcg/runtime';
console.log(new Worker({ groupId: 'shop.orders', stream: { name: 'orders' }, region: 'eu-west-1' }).state);
TS
tsc --outDir . --strict --exactOptionalPropertyTypes --module nodenext --target es2024 --types node --typeRoots "$root/node_modules/@types" --ignoreConfig program.mts program.cts
[ "$(node program.cjs)" = new ]
[ "$(node program.mjs)" = 'InvalidInput batchSize: 0 is too little; write at least 1' ]
echo "package: $(du -sh node_modules/kcg | cut -f1) unpacked, bins start"
