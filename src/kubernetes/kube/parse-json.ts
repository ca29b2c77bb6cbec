/** Strings are taken whole, as a bracket in one closes nothing. Nothing else in it is an array; if ever, it is left to be parsed. */
const MANAGED_FIELDS = /"managedFields":\[[^"[\]]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"[\]]*)*\]/g;

/**
 * JSON of the API server, `managedFields` emptied before it is parsed: nobody reads them, and of a group they are two fifths of the
 * bytes. No string is touched, as quotes in it would be escaped.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(MANAGED_FIELDS, '"managedFields":[]'));
}
