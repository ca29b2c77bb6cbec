const SHOWN_CHARACTERS = 500;

/** What a handler said, as errors quote it: on one line and not too long, as it is logged and stands in the status. */
export function shown(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, SHOWN_CHARACTERS);
}
