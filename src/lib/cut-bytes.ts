/** The text, or its beginning and `…`: at most `max` bytes of UTF-8, cut where no character is; `max` is 3 or more. */
export function cutBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return bytes.toString();
  return new TextDecoder().decode(bytes.subarray(0, max - 3), { stream: true }) + '…';
}
