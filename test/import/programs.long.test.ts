import { expect, it } from 'vitest';
import { goesOnWhereItStood } from './goes-on.ts';
import { record } from './programs/record.ts';

// Both mostly wait.
it.concurrent.each(['async-kinesis', 'harlow'])(
  '%s, run anew, writes rows that are read as those that were kept',
  { timeout: 1_200_000 },
  async (name) => {
    const fixture = await record(name);
    const moments = Object.values(fixture.moments);
    expect(moments).toHaveLength(4);
    for (const moment of moments) goesOnWhereItStood(fixture, moment);
  },
);
