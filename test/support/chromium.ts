import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { debianProgram } from './debian-packages.ts';

/* A real browser without a window. */

interface Program {
  path: string;
  env: Record<string, string>;
}

/** That of `KCG_CHROMIUM`, or Debian's, unpacked into the cache. */
function findChromium(): Program {
  const own = process.env['KCG_CHROMIUM'];
  if (own) return { path: own, env: {} };
  const root = debianProgram('chromium', 'chromium-headless-shell', 'fonts-dejavu-core', 'fontconfig-config');
  const libraries = join(
    root,
    'usr/lib',
    process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu',
  );
  const fonts = join(root, 'fonts.conf');
  const folders = ['/usr/share/fonts', join(root, 'usr/share/fonts')].map((folder) => `<dir>${folder}</dir>`);
  if (!existsSync(fonts)) writeFileSync(fonts, `<fontconfig>${folders.join('')}</fontconfig>\n`);
  return {
    path: join(root, 'usr/lib/chromium/chromium-headless-shell'),
    env: { LD_LIBRARY_PATH: `${libraries}:${join(libraries, 'pulseaudio')}`, FONTCONFIG_FILE: fonts },
  };
}

let found: Program | string | undefined;

/** Undefined: there is a Chromium. Under CI there has to be. @throws Error with the reason, under CI */
export function chromiumProblem(): string | undefined {
  try {
    found ??= findChromium();
  } catch (thrown) {
    found = `there is no Chromium: ${thrown instanceof Error ? thrown.message : String(thrown)}. Set KCG_CHROMIUM to one, or use Debian with apt-get`;
    if (process.env['CI'] === 'true') throw new Error(found, { cause: thrown });
  }
  return typeof found === 'string' ? found : undefined;
}

export async function openChromium(): Promise<Browser> {
  const problem = chromiumProblem();
  if (problem !== undefined) throw new Error(problem);
  const { path, env } = found as Program;
  return chromium.launch({
    executablePath: path,
    timeout: 300_000,
    env: { ...(process.env as Record<string, string>), ...env },
  });
}
