/** Texts between the stars of a wildcard; a sentence when it is none. `\*` and `\\` stand for themselves. */
export function wildcardParts(pattern: string): string[] | string {
  const parts = [''];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at]!;
    const next = pattern[at + 1];
    if (char === '*' && next === '*') return 'has two stars in a row; one says the same';
    if (char === '*') parts.push('');
    else if (char !== '\\') parts[parts.length - 1] += char;
    else if (next === '*' || next === '\\') parts[parts.length - 1] += pattern[(at += 1)]!;
    else return 'has a backslash before neither star nor backslash; write two';
  }
  return parts;
}

/** In linear time and without backtracking: each part is taken where it comes first, the last at the end. */
export function matchesWildcard(text: string, parts: readonly string[]): boolean {
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= end;
}
