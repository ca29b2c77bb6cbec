import { expect, test } from 'vitest';
import { LineCutter, readLines } from '../../../src/kubernetes/kube/lines.ts';

const bytes = Buffer.from('eins → 1\n\n  \nGröße 漢字\n🙂\nno end');
const LINES = ['eins → 1', 'Größe 漢字', '🙂'];

test.each([1, 2, 3, 7, bytes.length])(
  'lines are whole however they come, in pieces of %i bytes, and one without an end is none',
  async (size) => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    const cutter = new LineCutter();
    expect(pieces.flatMap((piece) => cutter.cut(piece))).toEqual(LINES);
    const read: string[] = [];
    const chunks = async function* () {
      yield* pieces;
    };
    for await (const line of readLines(chunks())) read.push(line);
    expect(read).toEqual(LINES);
  },
);

test('a line that does not end is refused before it fills the memory', () => {
  const cutter = new LineCutter();
  const piece = Buffer.alloc(16 * 1024 * 1024, 'x');
  cutter.cut(piece);
  cutter.cut(piece);
  expect(() => cutter.cut(Buffer.from('x'))).toThrow('the watch sent a line without an end');
});
