#!/usr/bin/env bash
# Packs the npm tarball, unpacks it somewhere else, and starts its bins there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
npm run --silent build
npm pack --silent --pack-destination "$work" >/dev/null
tar -xzf "$work"/kcg-*.tgz -C "$work"
cd "$work"
for bin in dist/kcg.mjs; do
  node "package/$bin" --version
  node "package/$bin" --help >/dev/null
  for command in operator worker get dev demo; do node "package/$bin" "$command" --help >/dev/null; done
done
# What a handler's author writes.
mkdir -p app/node_modules && mv package app/node_modules/kcg && cd app
cat >handler.ts <<'TS'
import type { BatchHandler } from 'kcg';
const handler: BatchHandler = async (batch, { signal, log }) => {
  for (const record of batch.records) log.info('got', { of: record.json<{ id: number }>().id, aborted: signal.aborted });
  return { batchItemFailures: [] };
};
export default handler;
TS
tsc --noEmit --strict --module nodenext --target es2024 --types node --typeRoots "$root/node_modules/@types" --ignoreConfig handler.ts
cd .. && mv app/node_modules/kcg package
echo "package: $(du -sh package | cut -f1) unpacked, bins start"
