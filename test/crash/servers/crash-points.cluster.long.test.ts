import { env } from 'node:process';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Site } from '../../operator/operator-process.ts';
import { runLife, type How, type Lived, type Place, type Write } from './run-life.ts';

/*
 * The operator as a process, killed before and after its writes to a real API server and to local AWS servers, over the whole life
 * of a group with real workers. Here all of that in one life, which is worse than a death at a time; with KCG_CRASH_POINTS=all
 * also one life a point, which takes an hour, or with KCG_CRASH_POINTS=20 at twenty of them, spread over the life.
 */

const HOWS: readonly How[] = ['before', 'after'];
const LIVES_AT_ONCE = 3;
const HOURS_MS = 10 * 3_600_000;

let place: Place;
let plain: Lived;
const tell = (line: string) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

beforeAll(async () => {
  const site = await Site.open();
  // Of workers: operators ask through gates.
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', site.dynamodb.endpoint);
  place = { site, client: new DynamoDBClient({ region: 'eu-west-1', endpoint: site.dynamodb.endpoint }) };
  await site.kubectl('create namespace life-plain');
  plain = await runLife(place, { namespace: 'life-plain', tell });
});
afterAll(async () => {
  place?.client.destroy();
  await place?.site.close();
  vi.unstubAllEnvs();
});

/** A life in a namespace of its own, in which each step leaves what it leaves in a life without deaths. */
async function live(namespace: string, dies: (write: Write) => How | undefined): Promise<Lived> {
  await place.site.kubectl(`create namespace ${namespace}`);
  return runLife(place, { namespace, wanted: plain.states, dies, tell });
}

/** `PATCH deployments orders-worker` is a `PATCH deployments`, in whatever step it is. */
const kindOf = ({ name }: Write) => name.split(' ', 2).join(' ');

test('a group whose operator is killed at all of its writes ends each step as if it never had been', async () => {
  const met = new Set<string>();
  // Just before any other write, all is as it is just after the one before it, unless time has passed.
  const { deaths } = await live('life-worst', (write) => {
    const points = [
      ['before', kindOf(write)],
      ['after', write.name.endsWith(' status') ? write.name : `${write.step}: ${write.name}`],
    ] as const;
    const point = points.find((each) => !met.has(each.join(' ')));
    if (point) met.add(point.join(' '));
    return point?.[0];
  });
  // Whether a worker has to be fenced depends on how it ended.
  const certain = plain.writes.filter(({ name }) => !name.includes('worker#'));
  for (const write of certain) expect(met).toContain(`before ${kindOf(write)}`);
  expect(deaths).toBe(met.size);
  expect(deaths).toBeGreaterThan(50);
});

/** Written as often as it takes, or as workers end. */
const MAY_BE_MISSED = / status$|worker#|shardId-/;

/** How many points get a life of their own. */
const LONE_POINTS = env['KCG_CRASH_POINTS'] === 'all' ? Infinity : Number(env['KCG_CRASH_POINTS'] ?? 0);

test.runIf(LONE_POINTS > 0)(
  '… and so when it is killed at one of them alone, whichever that is',
  async () => {
    const all = plain.writes.flatMap((write) => HOWS.map((how) => ({ write, how })));
    const stride = Math.max(1, all.length / LONE_POINTS);
    const points = [...all.entries()].filter(([index]) => index % stride < 1);
    tell(`${points.length} of ${all.length} points`);
    const missed: string[] = [];
    const liveSome = async () => {
      for (let next = points.shift(); next; next = points.shift()) {
        const [index, point] = next;
        let isMet = false;
        const { deaths } = await live(`life-${index}`, ({ step, name }) => {
          const isIt = !isMet && step === point.write.step && name === point.write.name;
          isMet ||= isIt;
          return isIt ? point.how : undefined;
        });
        if (deaths !== 1 && !MAY_BE_MISSED.test(point.write.name))
          missed.push(`${point.write.step}: ${point.how} ${point.write.name}`);
      }
    };
    await Promise.all(Array.from({ length: LIVES_AT_ONCE }, liveSome));
    expect(missed).toEqual([]);
  },
  HOURS_MS,
);
