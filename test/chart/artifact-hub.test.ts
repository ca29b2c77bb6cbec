import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { chartWithChanges } from '../../scripts/chart-changes.ts';
import { notesOf, releaseFiles } from '../../scripts/release-files.ts';
import { parseGroup } from '../../src/api/group.ts';
import { parseReset } from '../../src/api/offset-reset.ts';
import { CHART } from './render-chart.ts';

/* What Artifact Hub shows of the chart is what is in it. */

interface Crd {
  metadata: { name: string };
  spec: { names: { kind: string }; versions: { name: string }[] };
}
interface Chart {
  version: string;
  home?: string;
  sources?: string[];
  annotations: Record<string, string>;
}
interface Package {
  version: string;
  license: string;
  repository?: { url: string };
}

const text = readFileSync(join(CHART, 'Chart.yaml'), 'utf8');
const { annotations, ...chart } = parse(text) as Chart;
const said = (name: string) => annotations[`artifacthub.io/${name}`]!;
const list = <T>(name: string) => parse(said(name)) as T[];
const own = JSON.parse(readFileSync('package.json', 'utf8')) as Package;

test('the definitions are those of the chart', () => {
  const crds = readdirSync('crds').map((file) => parse(readFileSync(join('crds', file), 'utf8')) as Crd);
  expect(list<Crd>('crds')).toMatchObject(
    crds.map(({ metadata, spec }) => ({
      kind: spec.names.kind,
      version: spec.versions.at(-1)!.name,
      name: metadata.name,
      displayName: expect.any(String),
      description: expect.any(String),
    })),
  );
});

test('there is an example of each, as the API takes it', () => {
  const examples = list<{ kind: string }>('crdsExamples');
  expect(examples.map(({ kind }) => kind)).toEqual(list<{ kind: string }>('crds').map(({ kind }) => kind));
  expect(parseGroup(examples[0])).toMatchObject({ outcome: 'ok' });
  expect(parseReset(examples[1])).toMatchObject({ outcome: 'ok' });
});

test('the image is the one of its default values', () => {
  const { image } = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as {
    image: { repository: string };
  };
  expect(list('images')).toEqual([
    { name: 'kcg', image: `${image.repository}:${chart.version}`, platforms: ['linux/amd64', 'linux/arm64'] },
  ]);
});

test('it is as old as it says, of the licence it says, and from where it says', () => {
  expect(said('license')).toBe(own.license);
  expect(said('prerelease')).toBe(
    String(list<{ version: string }>('crds').every(({ version }) => /alpha|beta/.test(version))),
  );
  // Once the code has a public address, the chart names it.
  expect(chart).toMatchObject(
    own.repository ? { home: own.repository.url, sources: [own.repository.url] } : {},
  );
  for (const link of own.repository ? list<{ url: string }>('links') : [])
    expect(link.url).toMatch(/^https:/);
});

test('each word of a closed list is of that list', () => {
  expect(said('category')).toMatch(
    /^(database|integration-delivery|monitoring-logging|streaming-messaging)$/,
  );
  const levels = ['Basic Install', 'Seamless Upgrades', 'Full Lifecycle', 'Deep Insights', 'Auto Pilot'];
  expect(levels).toContain(said('operatorCapabilities'));
  for (const name of ['operator', 'prerelease', 'containsSecurityUpdates'])
    expect(said(name)).toMatch(/^(true|false)$/);
});

describe('the changes of a release', () => {
  const changelog =
    '## 0.2.0 - 2026-12-01\n\n### Added\n- A `verb`, for\n  [all](docs/x.md).\n- Another.\n\n### Fixed\n- Colons: kept, "quotes" too.\n';
  const changesIn = (chartYaml: string) => {
    const released = parse(chartYaml) as Chart;
    return parse(released.annotations['artifacthub.io/changes']!) as { kind: string; description: string }[];
  };

  test('are those of the changelog, one by one, in plain words', () => {
    const released = chartWithChanges(text, notesOf('0.2.0', changelog));
    expect(changesIn(released)).toEqual([
      { kind: 'added', description: 'A verb, for all.' },
      { kind: 'added', description: 'Another.' },
      { kind: 'fixed', description: 'Colons: kept, "quotes" too.' },
    ]);
    expect(released).toContain('containsSecurityUpdates: "false"');
  });

  test('that are of security are announced so', () => {
    const released = chartWithChanges(text, '### Security\n- A hole.\n');
    expect(released).toContain('containsSecurityUpdates: "true"');
  });

  test('replace those of the release before', () => {
    const once = chartWithChanges(text, '### Added\n- One.\n');
    expect(changesIn(chartWithChanges(once, '### Fixed\n- Two.\n'))).toEqual([
      { kind: 'fixed', description: 'Two.' },
    ]);
  });

  test('of this tree are all taken', () => {
    const files = releaseFiles({ from: own.version, version: '97.98.99', date: '2026-11-29' }, (path) =>
      readFileSync(path, 'utf8'),
    );
    const notes = notesOf('97.98.99', files.get('CHANGELOG.md')!);
    const changes = changesIn(files.get('charts/kcg/Chart.yaml')!);
    expect(changes.length).toBe(notes.match(/^- /gm)!.length);
    for (const { description } of changes) expect(description.length).toBeGreaterThan(10);
  });

  test.each([
    [
      text.replace('artifacthub.io/changes', 'artifacthub.io/other'),
      '### Added\n- One.\n',
      'does not end with',
    ],
    [`${text}  artifacthub.io/other: a\n`, '### Added\n- One.\n', 'does not end with'],
    [text, '### Broken\n- One.\n', 'has a section "Broken"'],
  ])('are refused where they would be lost', (chartYaml, notes, says) => {
    expect(() => chartWithChanges(chartYaml, notes)).toThrow(says);
  });
});
