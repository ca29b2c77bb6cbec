import { join } from 'node:path';
import { lastingPort } from './lasting-port.ts';
import { pythonPrograms, startProgram, type PeerProgram } from './peer-programs.ts';

export interface Emulator {
  program: PeerProgram;
  endpoint: string;
}

/** AWS as moto's server speaks it. */
export async function startMoto(): Promise<Emulator> {
  const bin = await pythonPrograms('moto[server]==5.2.5');
  const port = await lastingPort();
  const program = startProgram([join(bin, 'moto_server'), '-H', '127.0.0.1', '-p', `${port}`]);
  await program.says(/Running on/);
  return { program, endpoint: `http://127.0.0.1:${port}` };
}
