import { Cron } from 'croner';
import * as z from 'zod';
import { nearestOf } from '../lib/nearest.ts';
import { CRON, DNS_LABEL, text, TIME_ZONE } from './formats.ts';
import { withRules } from './rule.ts';

/** How `start` and `end` of a schedule are read: five fields, in the time of the zone. @throws Error for what is neither */
export function readCron(pattern: string, timeZone: string): Cron {
  return new Cron(pattern, { timezone: timeZone, paused: true, mode: '5-part' });
}

/** What a pattern cannot tell, and the API server does not know: the group's conditions say it. */
function problemOf(pattern: string): string | undefined {
  try {
    return readCron(pattern, 'UTC').nextRun(EPOCH) === null ? 'there is no such day' : undefined;
  } catch (error) {
    return (error as Error).message.replace(/^Cron(Pattern|Date): /, '');
  }
}

/** Zones are Node's to know; the API server takes any name of the form. */
function isTimeZone(timeZone: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone }));
  } catch {
    return false;
  }
}

const EPOCH = new Date(0);
const cron = text(CRON, { max: 100, example: '0 8 * * MON-FRI' });
const replicas = z.int().max(10_000);

const schedule = withRules(
  z
    .strictObject({
      name: text(DNS_LABEL, { max: 63, example: 'office-hours' }).describe('For people; told in the status.'),
      timeZone: text(TIME_ZONE, { max: 64, example: 'Europe/Berlin' })
        .default('UTC')
        .describe('IANA name of the time zone that start and end are in.'),
      start: cron.describe('When the window opens: a cron expression of five fields.'),
      end: cron.describe('When it closes.'),
      minReplicas: replicas.min(0).optional().describe('In place of scaling.minReplicas while it is open.'),
      maxReplicas: replicas.min(1).optional().describe('In place of scaling.maxReplicas while it is open.'),
    })
    .superRefine(({ timeZone, start, end }, context) => {
      if (!isTimeZone(timeZone)) {
        const near = nearestOf(timeZone, Intl.supportedValuesOf('timeZone'));
        const hint =
          near === undefined ? 'write an IANA name such as Europe/Berlin' : `did you mean ${near}?`;
        const message = `there is no time zone ${timeZone}; ${hint}`;
        context.addIssue({ code: 'custom', message, path: ['timeZone'] });
      }
      for (const [path, pattern] of Object.entries({ start, end })) {
        const problem = problemOf(pattern);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, path: [path] });
      }
    }),
  [
    {
      cel: 'has(self.minReplicas) || has(self.maxReplicas)',
      holds: ({ minReplicas, maxReplicas }) => minReplicas !== undefined || maxReplicas !== undefined,
      message: 'a schedule sets minReplicas, maxReplicas or both',
    },
    {
      cel: '!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas',
      holds: ({ minReplicas = 0, maxReplicas = Infinity }) => minReplicas <= maxReplicas,
      message: 'minReplicas of a schedule is greater than its maxReplicas; lower it or raise maxReplicas',
      path: 'minReplicas',
    },
    {
      cel: 'self.start != self.end',
      holds: ({ start, end }) => start !== end,
      message:
        'start and end of a schedule are the same; a window that is always open is scaling.minReplicas',
      path: 'end',
    },
  ],
);

export const schedulesSpec = z
  .array(schedule)
  .max(16)
  .optional()
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
  .describe(
    'Windows of time with another least and greatest number of workers. Of several that are open, the greatest minReplicas and the least maxReplicas hold, the latter above all.',
  );

export type Schedule = z.output<typeof schedule>;
