import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { requireGroup } from '../../src/dev/group-file.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { workerCommand } from '../../src/main/local/start-local.ts';
import { localMode } from '../support/local-mode.ts';

/** A function with a client of its own, which does what the data of its records say: once, or it would do so for ever. */
const FUNCTION = `
import { existsSync, writeFileSync } from 'node:fs';
const api = \`http://\${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime\`;
console.log('function of', process.env.AWS_LAMBDA_FUNCTION_NAME, process.env.AWS_REGION);
for (;;) {
  const next = await fetch(\`\${api}/invocation/next\`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  for (const { kinesis } of (await next.json()).Records) {
    const text = Buffer.from(kinesis.data, 'base64').toString();
    if (text !== 'plain' && !existsSync(text)) {
      writeFileSync(text, '');
      console.log('will', text);
      if (text === 'exit') process.exit(3);
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    }
    console.log('did', text);
  }
  await fetch(\`\${api}/invocation/\${id}/response\`, { method: 'POST', body: '{"batchItemFailures":[]}' });
}
`;

it('a function runs beside its worker, and is started again when it ends and when it hangs', async () => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
  const folder = await mkdtemp(join(tmpdir(), 'kcg-function-'));
  await writeFile(join(folder, 'function.mjs'), FUNCTION);
  const lines: string[] = [];
  const local = await localMode({
    workerCommand: workerCommand(),
    onWorkerLine: (_, line) => lines.push(line),
  });
  onTestFinished(() => local.stop());
  const command = ['/bin/sh', '-c', `cd ${folder} && exec ${process.execPath} function.mjs`];
  await local.apply(
    requireGroup(
      {
        apiVersion: 'kcg.dev/v1alpha1',
        kind: 'KinesisConsumerGroup',
        metadata: { name: 'orders', namespace: 'default' },
        spec: {
          stream: { name: 'orders' },
          region: 'eu-west-1',
          handler: { lambda: { container: 'app', command }, timeoutSeconds: 20 },
          template: { spec: { containers: [{ name: 'app', image: 'function:1' }] } },
        },
      },
      'the test',
    ),
  );
  const says = (pattern: RegExp) =>
    vi.waitFor(() => expect(lines.filter((line) => pattern.test(line))).not.toEqual([]), {
      timeout: 300_000,
      interval: 50,
    });
  const put = (text: string) =>
    local.kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from(text) });
  await says(/^function of orders eu-west-1$/);
  put('plain');
  await says(/^did plain$/);
  put('exit');
  await says(/the function ended with exit code 3/);
  await says(/has begun anew since/);
  await says(/^did exit$/);
  put('hang');
  await says(/the handler did not answer within 20 seconds/);
  await says(/it is started again$/);
  await says(/^did hang$/);
});
