/** Data that is not of the format. The message names neither record nor data. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';
}
