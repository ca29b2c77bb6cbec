import { expect, test } from 'vitest';
import { screenOf } from '../../src/main/verbs/redraw.ts';

test('a picture is drawn over the last one: no more rows than there are, and none that wraps', () => {
  expect(screenOf('a\nb\nc\nd', 4).replaceAll('\u001b', '^')).toBe(
    '^[?7l^[Ha^[K\nb^[K\n… 2 more^[K\n^[J^[?7h',
  );
  expect(screenOf('a\nb\nc', 4)).not.toContain('more');
});
