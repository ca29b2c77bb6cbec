import { PatternRefused } from './refusal.ts';

/**
 * Source of a regular expression for `text` in any case: per UTF-16 unit its lower or upper case, as AWS's engine
 * does it. So `straße` is `STRASSE`, and a final sigma is not a capital one's lower case.
 */
export function anyCase(text: string, path: string): string {
  if (/[\ud800-\udfff]/.test(text)) {
    throw new PatternRefused(
      path,
      `equals-ignore-case never matches ${JSON.stringify(text)}: characters beyond U+FFFF have no case; write it without equals-ignore-case`,
    );
  }
  return text.split('').map(unit).join('');
}

function unit(char: string): string {
  const [lower, upper] = [char.toLowerCase(), char.toUpperCase()];
  return lower === upper ? literal(lower) : `(?:${literal(lower)}|${literal(upper)})`;
}

/** Source of a regular expression for exactly `text`. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
