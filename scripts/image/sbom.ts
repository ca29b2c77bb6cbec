import type { Architecture, PlatformImage } from './oci-archive.ts';
import { DEBIAN, type DebianPackage } from './pinned-libraries.ts';

/*
 * What an image holds, as a software bill of materials in CycloneDX 1.6, which scanners read (Trivy, Grype, Dependency-Track).
 * The same image makes the same bytes.
 */

export interface ImageContents {
  kcg: { version: string; architecture: Architecture; created?: string };
  /** What the image runs on, with the code of others that is part of it. */
  node: { version: string; package: string; parts: { name: string; version: string }[] };
  libraries: readonly DebianPackage[];
  /** Whose code is in the bundle. */
  packages: readonly { name: string; version: string; license: string }[];
}

export function sbomOf({
  kcg,
  node,
  libraries,
  packages,
}: ImageContents): NonNullable<PlatformImage['sbom']> {
  const distro = `distro=debian-${DEBIAN}`;
  const components = [
    {
      type: 'platform',
      name: 'node',
      version: node.version,
      cpe: `cpe:2.3:a:nodejs:node.js:${node.version}:*:*:*:*:*:*:*`,
      ...identified(`pkg:generic/node@${node.version}`),
      licenses: licensed('MIT'),
      description: `As the npm package ${node.package} ${node.version} holds it`,
      components: node.parts.map(({ name, version }) => ({
        type: 'library',
        name,
        version,
        ...identified(`pkg:generic/${name}@${encodeURIComponent(version)}`),
      })),
    },
    ...libraries.map(({ name, version, license, sha256 }) => ({
      type: 'library',
      name,
      version,
      ...identified(
        `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${kcg.architecture}&${distro}`,
      ),
      ...(license ? { licenses: licensed(license) } : {}),
      description: 'Debian package; the hash is that of the package file',
      hashes: [{ alg: 'SHA-256', content: sha256[kcg.architecture] }],
    })),
    ...packages.map(({ name, version, license }) => ({
      type: 'library',
      name,
      version,
      ...identified(`pkg:npm/${name.replace('@', '%40')}@${version}`),
      licenses: licensed(license),
    })),
  ];
  const self = identified(`pkg:npm/kcg@${kcg.version}`);
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      ...(kcg.created === undefined ? {} : { timestamp: kcg.created }),
      component: {
        type: 'container',
        name: 'kcg',
        version: kcg.version,
        ...self,
        licenses: licensed('Apache-2.0'),
        properties: [{ name: 'platform', value: `linux/${kcg.architecture}` }],
      },
    },
    components,
    dependencies: [{ ref: self['bom-ref'], dependsOn: components.map((each) => each['bom-ref']) }],
  };
  return {
    mediaType: 'application/vnd.cyclonedx+json',
    data: Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`),
  };
}

function identified(purl: string): { 'bom-ref': string; purl: string } {
  return { 'bom-ref': purl, purl };
}

/** A list may hold several identifiers or one expression; `MIT OR Apache-2.0` is one. */
function licensed(license: string) {
  return / |\(/.test(license) ? [{ expression: license }] : [{ license: { id: license } }];
}
