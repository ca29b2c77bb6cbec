/* What Artifact Hub shows as the changes of a chart's version, from the changelog. Pure. */

const ANNOTATION = '  artifacthub.io/changes: |\n';
const SECURITY = /^( {2}artifacthub.io\/containsSecurityUpdates: ).*$/m;
/** The sections of Keep a Changelog, which are Artifact Hub's kinds too. */
const KINDS = ['added', 'changed', 'deprecated', 'removed', 'fixed', 'security'];

/**
 * @param chart Chart.yaml, with the annotation of changes last
 * @param notes a version's section of CHANGELOG.md
 * @throws Error when either is not laid out so
 */
export function chartWithChanges(chart: string, notes: string): string {
  const [head, rest] = chart.split(ANNOTATION);
  if (rest === undefined || /^ {0,3}\S/m.test(rest))
    throw new Error('Chart.yaml does not end with the annotation artifacthub.io/changes');
  const changes = changesOf(notes);
  const isSecurity = changes.some(({ kind }) => kind === 'security');
  const lines = changes.map(
    ({ kind, text }) => `    - kind: ${kind}\n      description: ${JSON.stringify(text)}\n`,
  );
  return head!.replace(SECURITY, `$1"${isSecurity}"`) + ANNOTATION + lines.join('');
}

function changesOf(notes: string): { kind: string; text: string }[] {
  return notes
    .split(/^### /m)
    .slice(1)
    .flatMap((section) => {
      const [title = '', ...items] = section.split(/^- |\n- /);
      const kind = title.trim().toLowerCase();
      if (!KINDS.includes(kind)) throw new Error(`CHANGELOG.md has a section "${title.trim()}"`);
      return items.map((item) => ({ kind, text: plain(item) }));
    });
}

/** Without the marks of Markdown: it is shown as it is. Links go to files that are not there. */
function plain(item: string): string {
  return item
    .replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replaceAll(/[`*]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
