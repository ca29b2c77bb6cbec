import { join } from 'node:path';
import { describe, it, type TestContext } from 'vitest';
import { startProgram } from '../support/peer-programs.ts';

/*
 * The soak of `npm run soak`, for as long as that takes by itself, beside the nodes' tests, which are as long: it costs a sixth of
 * a core. Every trouble comes within four minutes; KCG_SOAK_MINUTES asks for more, or fewer.
 */
const MINUTES = Number(process.env['KCG_SOAK_MINUTES'] ?? 10);

async function soak(
  { onTestFinished }: TestContext,
  ...options: string[]
): Promise<{ text: string; code: number | null }> {
  const program = startProgram([process.execPath, join(import.meta.dirname, 'main.ts'), ...options], {
    env: { NO_COLOR: '1' },
  });
  onTestFinished(() => program.stop('SIGKILL'));
  await new Promise((resolve) => program.child.once('close', resolve));
  return { text: program.text(), code: program.child.exitCode };
}

describe.concurrent('npm run soak', { timeout: (MINUTES + 14) * 60_000 }, () => {
  it('loses nothing, keeps the order of keys, and keeps its size', async (context) => {
    const { expect } = context;
    const { text, code } = await soak(context, '--minutes', `${MINUTES}`);
    console.log(text);
    expect(code, text).toBe(0);
    expect(text).toMatch(/neither delivered nor given up +0 +0 +ok/);
  });

  it('notices handlers that keep records and descriptors', async (context) => {
    const { expect } = context;
    const { text, code } = await soak(context, '--minutes', '2', '--leak');
    expect(code, text).toBe(1);
    for (const what of ['memory', 'descriptors']) {
      expect(text).toMatch(new RegExp(`w1 \\(polling\\) ${what} .* BROKEN`));
      expect(text).toMatch(new RegExp(`w2 \\(fan-out\\) ${what} .* BROKEN`));
    }
  });
});
