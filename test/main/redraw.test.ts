import { expect, test } from 'vitest';
import { abortError } from '../../src/lib/clock.ts';
import { screenOf } from '../../src/main/verbs/redraw.ts';
import { show } from '../../src/main/verbs/show.ts';

test('who stops a watch while it looks has ended it, and who stops a single look has not got it', async () => {
  const looks = (stop: AbortController) => async (signal: AbortSignal) => {
    stop.abort();
    throw abortError(signal);
  };
  const [watch, once] = [new AbortController(), new AbortController()];
  await show(looks(watch), true, watch.signal);
  await expect(show(looks(once), false, once.signal)).rejects.toBe(once.signal.reason);
});

test('a picture is drawn over the last one: no more rows than there are, and none that wraps', () => {
  expect(screenOf('a\nb\nc\nd', 4).replaceAll('\u001b', '^')).toBe(
    '^[?7l^[Ha^[K\nb^[K\n… 2 more^[K\n^[J^[?7h',
  );
  expect(screenOf('a\nb\nc', 4)).not.toContain('more');
});
