import { expect, test } from 'vitest';
import { doctorOptions } from '../../src/cli/doctor.ts';
import { abortError } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { parseOptions } from '../../src/lib/options.ts';
import { diagnoseGroups } from '../../src/main/verbs/doctor-groups.ts';

test('what was told to stop while it looked at groups ends as stopped, not as an error of its own', async () => {
  const stopped = AbortSignal.abort(new KcgError('Aborted', 'Ctrl-C'));
  const { options } = parseOptions(doctorOptions, ['--server', 'http://127.0.0.1:9'], {});
  await expect(diagnoseGroups(options, {}, stopped)).rejects.toBe(abortError(stopped));
});
