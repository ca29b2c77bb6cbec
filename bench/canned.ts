import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Served {
  shards: number;
  bytes: number;
  userRecords?: number;
}

const here = (file: string) => join(import.meta.dirname, file);

/** Runs a reader, a program of this folder, in a process of its own against canned answers, and returns what it prints. */
export function againstCanned<T>(
  served: Served,
  [reader, how, ...args]: readonly [string, string, ...string[]],
): Promise<T> {
  return withCanned(served, async (endpoint) => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      here(reader),
      how,
      endpoint,
      String(served.shards),
      ...args,
    ]);
    return JSON.parse(stdout) as T;
  });
}

/** Serves canned answers in a process of its own for as long as `work` takes. */
export async function withCanned<T>(
  { shards, bytes, userRecords = 1 }: Served,
  work: (endpoint: string) => Promise<T>,
): Promise<T> {
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
    return await work(endpoint);
  } finally {
    server.kill();
  }
}
