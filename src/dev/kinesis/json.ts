/** AWS JSON 1.1: bytes as base64, times as seconds; undefined members are left out. */
export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(toWire(value)));
}

function toWire(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  if (value instanceof Date) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(toWire);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toWire(member)]));
}
