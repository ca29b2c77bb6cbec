import { expect, test } from 'vitest';
import { LineSplitter } from '../../../src/runtime/handlers/line-splitter.ts';

function linesOf(chunks: readonly string[], inParts = false): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter({ maxBytes: 8, inParts }, (line, isCut) =>
    lines.push(isCut ? `${line}…` : line),
  );
  for (const chunk of chunks) splitter.add(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test.each([
  ['one in pieces', ['a', 'b\n', 'c\n'], ['ab', 'c']],
  ['several at once, without the empty ones', ['\n{}\n\r\n{}\r\n'], ['{}', '{}']],
  ['the last, without its end', ['a\nb'], ['a', 'b']],
  ['as long as may be', ['12345678\n'], ['12345678']],
  ['longer: its beginning', ['123456789', '0123\nab\n'], ['12345678…', 'ab']],
])('%s', (_, chunks, lines) => {
  expect(linesOf(chunks)).toEqual(lines);
});

test('a line in parts, as soon as there is enough of it', () => {
  expect(linesOf(['1234567890', '1234567890', 'ab\ncd'], true)).toEqual([
    '12345678…',
    '90123456…',
    '7890ab',
    'cd',
  ]);
});
