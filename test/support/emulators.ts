import { join } from 'node:path';
import { vi } from 'vitest';
import { lastingPort } from './lasting-port.ts';
import { npmPackage, startProgram } from './peer-programs.ts';
import type { Emulator } from './moto.ts';

/** Kinesis as the npm package `kinesis-local` speaks it, over HTTP/1.1 alone. */
export async function startKinesisLocal(): Promise<Emulator> {
  const folder = await npmPackage('kinesis-local', '0.6.2');
  const [plain, tls] = [await lastingPort(), await lastingPort()];
  const program = startProgram([process.execPath, join(folder, 'main.js')], {
    env: {
      KINESIS_MOCK_CERT_PATH: join(folder, 'server.json'),
      KINESIS_MOCK_PLAIN_PORT: `${plain}`,
      KINESIS_MOCK_TLS_PORT: `${tls}`,
    },
  });
  return answering({ program, endpoint: `http://127.0.0.1:${plain}` });
}

/** Kinesis as the npm package `kinesalite` speaks it, over HTTP/1.1 alone; what it keeps is in its memory. */
export async function startKinesalite(): Promise<Emulator> {
  const port = await lastingPort();
  const folder = await npmPackage('kinesalite', '3.3.3');
  const argv = ['--port', `${port}`, '--shardLimit', '1000'];
  const program = startProgram([process.execPath, join(folder, 'cli.js'), ...argv], {
    env: { AWS_REGION: 'eu-west-1' },
  });
  return answering({ program, endpoint: `http://127.0.0.1:${port}` });
}

/** As it comes, not as local mode has it. */
export async function startDynalite(): Promise<Emulator> {
  const port = await lastingPort();
  const cli = join(import.meta.dirname, '../../node_modules/dynalite/cli.js');
  const program = startProgram([process.execPath, cli, '--port', `${port}`]);
  return answering({ program, endpoint: `http://127.0.0.1:${port}` });
}

async function answering(emulator: Emulator): Promise<Emulator> {
  await vi.waitFor(() => fetch(emulator.endpoint), { timeout: 300_000, interval: 200 });
  return emulator;
}
