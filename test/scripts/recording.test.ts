import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { framesOf, shortened, textOf, type Frame, type Output } from '../../scripts/recording/frames.ts';
import { animatedSvg } from '../../scripts/recording/svg.ts';

const SIZE = { columns: 20, rows: 4 };
const lastOf = async (...texts: string[]) =>
  (
    await framesOf(
      texts.map((text, i): Output => [i, text]),
      SIZE,
    )
  ).at(-1)!;

describe('what a terminal shows', () => {
  test.each<[what: string, written: string[], text: string]>([
    ['text and new lines', ['a\r\nb'], 'a\nb'],
    ['a line written over', ['abc\rx'], 'xbc'],
    ['lines taken back and written anew', ['1\r\n2\r\n3\r\n', '\u001b[2A\u001b[0Jtwo'], '1\ntwo'],
    ['a line that is longer than the screen', ['x'.repeat(25)], `${'x'.repeat(20)}\n${'x'.repeat(5)}`],
    ['the last lines of many', ['1\r\n2\r\n3\r\n4\r\n5\r\n6'], '3\n4\n5\n6'],
    ['what is no character of ASCII', ['4 → 5'], '4 → 5'],
  ])('%s', async (_, written, text) => expect(textOf(await lastOf(...written))).toBe(text));

  test.each<[style: string, written: string, run: object]>([
    ['its own colour', 'a', {}],
    ['green', '\u001b[32ma', { colour: 2 }],
    ['bright red', '\u001b[91ma', { colour: 9 }],
    ['bold', '\u001b[1ma', { isBold: true }],
    ['dim and blue', '\u001b[2;34ma', { isDim: true, colour: 4 }],
    ['a colour that is over', '\u001b[32m\u001b[39ma', {}],
  ])('in %s', async (_, written, run) => {
    expect((await lastOf(written)).lines[0]).toEqual([{ column: 0, text: 'a', ...run }]);
  });

  test('columns of a table each by itself, words of a sentence together', async () => {
    const { lines } = await lastOf('NAME   AGE\r\na b \u001b[32mc');
    expect(lines.slice(0, 2)).toEqual([
      [
        { column: 0, text: 'NAME' },
        { column: 7, text: 'AGE' },
      ],
      [
        { column: 0, text: 'a b' },
        { column: 4, text: 'c', colour: 2 },
      ],
    ]);
  });

  test('what comes at once is one frame', async () => {
    const frames = await framesOf(
      [
        [0, 'a'],
        [1, '\r\u001b[K'],
        [1.05, 'b'],
        [2, 'c'],
      ],
      SIZE,
    );
    expect(frames.map((frame) => [frame.atMs, textOf(frame)])).toEqual([
      [0, 'a'],
      [1000, 'b'],
      [2000, 'bc'],
    ]);
  });
});

test('what shows nothing new is left out, and the time in which nothing happens', async () => {
  const outputs: Output[] = [
    [0, 'a 1s'],
    [1, '\ra 2s'],
    [9, '\rb 9s'],
    [9.5, '\rc 9s'],
    [30, '\rd'],
  ];
  const frames = shortened(await framesOf(outputs, SIZE), { longestMs: 2_000, ignored: /\d+s$/gm });
  expect(frames.map((frame) => [frame.atMs, textOf(frame)])).toEqual([
    [0, 'a 1s'],
    [2_000, 'b 9s'],
    [2_500, 'c 9s'],
    [4_500, 'd 9s'],
  ]);
});

describe('the picture', () => {
  const frame = (atMs: number, text: string): Frame => ({ atMs, lines: [[{ column: 0, text }]] });
  const draw = (...frames: Frame[]) => animatedSvg(frames, { title: 'a <b>', columns: 20, lastMs: 1_000 });

  test('moves from frame to frame as they came, and back after the last', () => {
    const svg = draw(frame(0, 'one'), frame(500, 'two'), frame(3_000, 'one'));
    expect(svg).toContain('animation:play 4s step-end infinite');
    expect(svg).toContain(
      '@keyframes play{0%{transform:translateY(-0px)}12.5%{transform:translateY(-20px)}75%{transform:translateY(-40px)}100%',
    );
  });

  test('stands at its last frame for who wants no motion', () => {
    const svg = draw(frame(0, 'one'), frame(500, 'two'));
    expect(svg).toContain('.strip{transform:translateY(-20px);animation');
    expect(svg).toContain('@media(prefers-reduced-motion:reduce){.strip{animation:none}}');
  });

  test('has each different line once, and no text as markup', () => {
    const svg = draw(frame(0, 'a<b>&'), frame(500, 'a<b>&'));
    expect(svg.match(/>a&lt;b&gt;&amp;<\/text>/g)).toHaveLength(1);
    expect(svg).toContain('<title id="t">a &lt;b&gt;</title>');
  });
});

describe('docs/pictures/demo.svg', () => {
  const svg = readFileSync('docs/pictures/demo.svg', 'utf8');
  const [, told = ''] = /<desc[^>]*>([^<]*)</.exec(svg) ?? [];

  test('shows each line that the demo says today: draw it anew with node scripts/record-demo.ts', () => {
    const demo = readFileSync('src/dev/demo/demo.ts', 'utf8');
    const screen = readFileSync('src/dev/demo/demo-screen.ts', 'utf8');
    const sentences = [
      ...demo.matchAll(/say\(\s*[`'](\d\..*?|local .*?|stopping.*?)[`'],?\s*\)/g),
      ...screen.matchAll(/line = `(produced .*?)`/g),
    ].map(([, sentence = '']) => sentence);
    expect(sentences).toHaveLength(8);
    for (const sentence of sentences) {
      const parts = sentence
        .split(/\$\{[^}]*\}/)
        .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
      expect(told).toMatch(new RegExp(`^${parts.join('.+')}$`, 'm'));
    }
    expect(told).toMatch(/lost 0, duplicated \d+, out of order 0/);
    expect(svg).toContain('>Available<');
  });

  test('is well-formed, fetches nothing and runs nothing', () => {
    const open: string[] = [];
    for (const [, end, name = '', rest = ''] of svg.matchAll(/<(\/?)([a-z]+)((?:\s[^<>]*)?)>/g)) {
      if (end) expect(open.pop()).toBe(name);
      else if (!rest.endsWith('/')) open.push(name);
    }
    expect(open).toEqual([]);
    expect(svg.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!lt;|gt;|amp;)/);
    const uses = [...svg.matchAll(/href="([^"]*)"/g)].map(([, at = '']) => at);
    expect(uses.length).toBeGreaterThan(100);
    expect([...new Set(uses)].filter((at) => !svg.includes(`id="${at.slice(1)}"`) || at[0] !== '#')).toEqual(
      [],
    );
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
      /<script|<foreignObject|\son\w+=|url\(|@import|src=/i,
    );
    expect(Buffer.byteLength(svg)).toBeLessThan(150_000);
  });
});
