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
echo "package: $(du -sh package | cut -f1) unpacked, bins start"
