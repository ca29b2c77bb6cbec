import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Runs a reader, a program of this folder, in a process of its own against canned answers, and returns what it prints. */
export async function againstCanned<T>(
  { shards, bytes, userRecords = 1 }: { shards: number; bytes: number; userRecords?: number },
  [reader, how, ...args]: readonly [string, string, ...string[]],
): Promise<T> {
  const here = (file: string) => join(import.meta.dirname, file);
  const server = spawn(
    process.execPath,
    [here('canned-kinesis.ts'), ...[shards, bytes, userRecords].map(String)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    const endpoint = `http://127.0.0.1:${String(port).trim()}`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      here(reader),
      how,
      endpoint,
      String(shards),
      ...args,
    ]);
    return JSON.parse(stdout) as T;
  } finally {
    server.kill();
  }
}
