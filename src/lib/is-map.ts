/** Whether parsed JSON or YAML is an object: neither a list nor null. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without any field where it is no object. */
export function mapOf(value: unknown): Record<string, unknown> {
  return isMap(value) ? value : {};
}
