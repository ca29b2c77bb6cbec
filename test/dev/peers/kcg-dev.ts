import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram, type PeerProgram } from '../../support/peer-programs.ts';
import { KCG } from '../../support/kcg-program.ts';

export interface KcgDev {
  program: PeerProgram;
  kinesis: string;
  dynamodb: string;
  /** The certificate to trust, with `--tls`. */
  ca: string;
}

const GROUP = `
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: shop}
spec:
  stream: {name: orders}
  region: eu-west-1
  consumer: {type: Polling, pollIntervalMillis: 1000}
  handler:
    module: {path: handler.mjs}
`;

/** Prints a line per record. */
const HANDLER = `
export default async ({ records }) => {
  for (const { partitionKey } of records) process.stdout.write('handled ' + partitionKey + '\\n');
};
`;

/** `kcg dev` as a user starts it, with a group on the stream `orders`. @param wrap what starts it, and how */
export async function startKcgDev(
  args: readonly string[],
  wrap: (command: readonly string[]) => readonly string[] = (command) => command,
): Promise<KcgDev> {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-dev-'));
  await writeFile(join(folder, 'group.yaml'), GROUP);
  await writeFile(join(folder, 'handler.mjs'), HANDLER);
  const command = [process.execPath, KCG, 'dev', '-f', join(folder, 'group.yaml'), '--shards', '2', ...args];
  const env = { XDG_CACHE_HOME: folder, NO_COLOR: '1' };
  const program = startProgram(wrap(command), { env, cwd: folder });
  const scheme = args.includes('--tls') ? 'https' : 'http';
  const [, kinesis = ''] = await program.says(new RegExp(`local Kinesis .*(${scheme}://\\S+)`));
  const [, dynamodb = ''] = await program.says(new RegExp(`local DynamoDB .*(${scheme}://\\S+)`));
  // Said once the stream is there.
  await program.says(/who owns what/);
  return { program, kinesis, dynamodb, ca: join(folder, 'kcg/tls/ca.pem') };
}

/** The same in a network of its own, loopback alone. `inside` is what other programs in there are started with. */
export async function startLoneKcgDev(args: readonly string[]): Promise<{ dev: KcgDev; inside: string[] }> {
  const quote = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');
  const dev = await startKcgDev(args, (command) => [
    'unshare',
    '-rn',
    'sh',
    '-c',
    `ip link set lo up && exec ${quote(command)}`,
  ]);
  const { pid } = dev.program.child;
  return { dev, inside: ['nsenter', '--preserve-credentials', '-U', '-n', '-t', `${pid}`] };
}
