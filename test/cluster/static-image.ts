/* static-image.ts <program> <image name> <user> <archive>: an image that holds one statically linked program. */
import { readFileSync } from 'node:fs';
import { writeOciArchive } from '../../scripts/image/oci-archive.ts';

const [program = '', name = '', user = '', archive = ''] = process.argv.slice(2);
await writeOciArchive(archive, {
  name,
  platforms: [
    {
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      layers: [[{ path: 'main', mode: 0o755, content: readFileSync(program) }]],
      config: { Entrypoint: ['/main'], User: user },
    },
  ],
});
