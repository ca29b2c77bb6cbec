import type { Architecture } from './oci-archive.ts';

/*
 * The C and C++ libraries that Node is linked to, from Debian 12. It is the last release of Debian that gets no more point
 * releases while it is still looked after (to June 2028, two months longer than Node 24): its archive keeps these files, and
 * repairs come beside them, in its security archive. A newer one would replace them every other month.
 *
 * To take others: version and hashes as `apt-cache show PACKAGE` says them, for both architectures.
 */

export const DEBIAN = '12';

export interface DebianPackage {
  name: string;
  version: string;
  /** Below the archive's address, without architecture. */
  path: string;
  sha256: Record<Architecture, string>;
  /** Of the files that are taken, as SPDX writes it; nothing where texts alone are taken. */
  license?: string;
}

const GCC = { version: '12.2.0-14+deb12u1', license: 'GPL-3.0-or-later WITH GCC-exception-3.1' };
const gcc = (name: string) => `pool/main/g/gcc-12/${name}_${GCC.version}`;

export const libc: DebianPackage = {
  name: 'libc6',
  version: '2.36-9+deb12u14',
  path: 'pool/main/g/glibc/libc6_2.36-9+deb12u14',
  sha256: {
    amd64: 'ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf',
    arm64: '01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4',
  },
  license: 'LGPL-2.1-or-later',
};

export const libgcc: DebianPackage = {
  name: 'libgcc-s1',
  ...GCC,
  path: gcc('libgcc-s1'),
  sha256: {
    amd64: '3016e62cb4b7cd8038822870601f5ed131befe942774d0f745622cc77d8a88f7',
    arm64: '576926b283613db80168ddf76380a3bd877602778cf0d226caa7bfbfa71eacf3',
  },
};

export const libstdcxx: DebianPackage = {
  name: 'libstdc++6',
  ...GCC,
  path: gcc('libstdc++6'),
  sha256: {
    amd64: '5cd3171216d4ab0fc911cfe9c35509bf2dd8f47761c43b7f6a4296701551a24d',
    arm64: '26e138c677a985775331373828a6c286c551ff397cb735d00e2383cb273d1cb2',
  },
};

/** What the two above say of their licence. */
export const gccBase: DebianPackage = {
  name: 'gcc-12-base',
  version: GCC.version,
  path: gcc('gcc-12-base'),
  sha256: {
    amd64: '1896a2aacf4ad681ff5eacc24a5b0ca4d5d9c9b9c9e4b6de5197bc1e116ea619',
    arm64: '674cf6cba6d432bd200c45fe866c1652c7a53523cc2e7a613e05bc4abf7b5440',
  },
};

/** The texts of the licences that Debian's packages only name. */
export const baseFiles: DebianPackage = {
  name: 'base-files',
  version: '12.4+deb12u15',
  path: 'pool/main/b/base-files/base-files_12.4+deb12u15',
  sha256: {
    amd64: '3eb1ea6d85488f488cc2a163b98ad640ef88cee4c79287cf14e361aaf6206f47',
    arm64: 'b1272fbdc197f7d5bd22c05b741a03840f8bec66ca68c8d797f567ff2c99d42d',
  },
};

export const libraries = [libc, libgcc, libstdcxx];
/** With those of which texts alone are taken. */
export const allPackages: readonly DebianPackage[] = [...libraries, gccBase, baseFiles];
