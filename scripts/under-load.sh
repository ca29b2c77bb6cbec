#!/usr/bin/env bash
# under-load.sh [times [vitest arguments …]]: runs the tests that often (5) while four other processes spin, and stops at
# the first run that fails. A test that passes alone and fails here needs luck, which is a bug of the test or of the code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
times=${1:-5}
[ $# -eq 0 ] || shift
loops=()
trap 'kill "${loops[@]}"' EXIT
# They end by themselves when this script is killed.
spin() { while kill -0 $$ 2>/dev/null; do for _ in {1..100000}; do :; done; done; }
for _ in 1 2 3 4; do
  spin &
  loops+=($!)
done
for ((run = 1; run <= times; run++)); do
  printf '\n== run %s of %s under load\n' "$run" "$times"
  npm test -- "$@"
done
