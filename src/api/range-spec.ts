import * as z from 'zod';
import { withRules } from './rule.ts';
import { timestamp } from './timestamp.ts';

const time = timestamp('2026-11-29T08:00:00Z').meta({ format: 'date-time' });

export const rangeSpec = withRules(
  z.strictObject({
    from: time.describe('Records written at or after it, RFC 3339.'),
    to: time.describe('Records written at or before it, RFC 3339; it may be a time to come.'),
  }),
  [
    {
      cel: "self.from < self.to && self.from >= timestamp('1970-01-01T00:00:00Z')",
      holds: ({ from, to }) => !(Date.parse(from) >= Date.parse(to)) && !(Date.parse(from) < 0),
      message: 'from has to be before to, and not before 1970',
    },
  ],
);
