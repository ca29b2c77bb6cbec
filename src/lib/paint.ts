import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];
/** Text in a colour, or as it is where nobody would see one. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_, text) => text;

/** In colour on a terminal only, and there unless NO_COLOR says otherwise. */
export function paintFor(stream: NodeJS.WritableStream): Paint {
  return (style, text) => (text === '' ? '' : styleText(style, text, { stream }));
}
