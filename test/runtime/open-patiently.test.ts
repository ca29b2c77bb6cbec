import { describe, expect, it } from 'vitest';
import { KcgError, type ErrorCode } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { openPatiently } from '../../src/runtime/open-patiently.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { AGroup } from './a-group.ts';
import { aLog } from './handlers/a-batch.ts';

/** Opens what fails with each of `codes` in turn, then works; the last one for ever with `forEver`. */
function opening(codes: ErrorCode[], { forEver = false, awaited = [] as ErrorCode[] } = {}) {
  const clock = new VirtualClock();
  const log = aLog();
  const stop = new AbortController();
  let tries = 0;
  const options = { clock, random: seededRandom(1), log, waiting: 'not yet', awaited };
  const opened = openPatiently(options, stop.signal, async () => {
    const code = codes[tries] ?? (forEver ? codes.at(-1) : undefined);
    tries += 1;
    if (code !== undefined) throw new KcgError(code, `no ${code}`);
    return 'opened';
  });
  opened.catch(() => {});
  return { opened, clock, log, stop, tries: () => tries };
}

describe('what a worker starts with', () => {
  it('is there later when credentials are late, and that is said once', async () => {
    const { opened, clock, log } = opening(['Credentials', 'Credentials', 'Credentials']);
    await clock.advance(10_000);
    expect(await opened).toBe('opened');
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields['error']])).toEqual([
      ['warn', 'there are no credentials that work yet', 'no Credentials'],
    ]);
  });

  it('fails with what is wrong with the credentials after about a minute', async () => {
    const { opened, clock, log, tries } = opening(['Credentials'], { forEver: true });
    let endedMs: number | undefined;
    opened.catch(() => (endedMs = clock.monotonic()));
    await clock.advance(120_000);
    await expect(opened).rejects.toMatchObject({ code: 'Credentials', message: 'no Credentials' });
    expect(endedMs).toBeGreaterThan(45_000);
    expect(endedMs).toBeLessThanOrEqual(60_000);
    expect(tries()).toBeGreaterThan(7);
    expect(log.lines).toHaveLength(1);
  });

  it('waits for what passes as long as it takes, and counts the minute from the first refusal after it', async () => {
    const { opened, clock, log } = opening(Array.from({ length: 50 }, () => 'Unavailable'));
    await clock.advance(600_000);
    expect(await opened).toBe('opened');
    // Once a minute: 50 tries with at most 10 s in between.
    expect(log.lines.length).toBeGreaterThan(4);
    expect(log.lines.length).toBeLessThan(10);
    const codes: ErrorCode[] = [...Array.from({ length: 20 }, () => 'Timeout' as const), 'Credentials'];
    const later = opening(codes);
    await later.clock.advance(600_000);
    expect(await later.opened).toBe('opened');
  });

  it.each(['AccessDenied', 'Conflict', 'InvalidInput', 'NotFound'] as const)(
    'fails at once with %s',
    async (code) => {
      const { opened, tries } = opening([code]);
      await expect(opened).rejects.toMatchObject({ code });
      expect(tries()).toBe(1);
    },
  );

  it('can be told to wait for something else, too', async () => {
    const { opened, clock } = opening(['NotFound', 'NotFound'], { awaited: ['NotFound'] });
    await clock.advance(10_000);
    expect(await opened).toBe('opened');
  });

  it('is given up when the worker is told to stop', async () => {
    const { opened, clock, stop } = opening(['Credentials'], { forEver: true });
    await clock.advance(1_000);
    stop.abort();
    expect(await opened).toBeUndefined();
  });
});

describe('a worker whose stream refuses its credentials', () => {
  const refuse = (group: AGroup) => {
    group.kinesis.faults = () => new KcgError('Credentials', 'no such key');
  };

  it('reads once they are accepted', async () => {
    const group = new AGroup(1);
    refuse(group);
    let read = 0;
    const handle = async () => {
      read += 1;
      return { outcome: 'done' as const };
    };
    const worker = group.start('w1', { handler: { handle } });
    await group.clock.advance(10_000);
    group.kinesis.faults = undefined;
    group.put('a');
    await group.clock.advance(60_000);
    expect(read).toBe(1);
    await group.until(worker.stop());
  });

  it('ends when they are not', async () => {
    const group = new AGroup(1);
    refuse(group);
    const { worker, running } = group.start('w1');
    const states: string[] = [];
    const ending = expect(running).rejects.toMatchObject({ code: 'Credentials' });
    for (let i = 0; i < 2; i += 1) {
      await group.clock.advance(40_000);
      states.push(worker.state);
    }
    expect(states).toEqual(['starting', 'stopped']);
    await ending;
  });
});
