import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * What licences ask for when their code is handed on: the text of each package whose code a bundle holds, found by the inputs
 * that esbuild says it has.
 */

interface Package {
  name: string;
  version: string;
  license: string;
  /** Of its licence and notice files; empty when it ships none. */
  texts: string[];
}

interface Manifest {
  name?: string;
  version?: string;
  license?: string | { type?: string };
}

/** Folders of packages below `node_modules/`, nested ones too, that these files are of. */
function packageFolders(inputs: readonly string[]): string[] {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/**
 * @param inputs paths from `root`, as in esbuild's metafile
 * @throws Error that names a package which says nothing of its licence
 */
export async function thirdPartyLicenses(root: string, inputs: readonly string[]): Promise<string> {
  const found = await Promise.all(packageFolders(inputs).map((folder) => readPackage(join(root, folder))));
  // By name, and not by folder: where packages lie is of one machine.
  const packages = found.sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1,
  );
  const byText = new Map<string, Package[]>();
  for (const each of packages) {
    const text = each.texts.join('\n\n').trim();
    byText.set(text, [...(byText.get(text) ?? []), each]);
  }
  const list = packages.map(({ name, version, license }) => `${name} ${version} (${license})`);
  const sections = [...byText].map(([text, users]) => {
    const names = users.map(({ name, version }) => `${name} ${version}`).join(', ');
    const licenses = [...new Set(users.map(({ license }) => license))].join(', ');
    return `${'-'.repeat(80)}\n${names}\n${licenses}\n\n${text || 'The package holds no text of its licence.'}\n`;
  });
  return `kcg holds code of these packages, each under the licence of its own below.\n\n${list.join('\n')}\n\n${sections.join('\n')}`;
}

/** The packages that such a text begins with. */
export function packagesIn(text: string): Pick<Package, 'name' | 'version' | 'license'>[] {
  const [, list = ''] = text.split('\n\n');
  return list.split('\n').map((line) => {
    const [, name, version, license] = /^(\S+) (\S+) \((.+)\)$/.exec(line) ?? [];
    if (!name || !version || !license) throw new Error(`a list of packages holds the line ${line}`);
    return { name, version, license };
  });
}

async function readPackage(folder: string): Promise<Package> {
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  const { name, version } = manifest;
  // Old packages have an object here.
  const license = typeof manifest.license === 'object' ? manifest.license.type : manifest.license;
  if (!name || !version || !license)
    throw new Error(`${folder} names no licence: look at it, and take another package when it has none`);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return { name, version, license, texts };
}
