import { styleText } from 'node:util';
import { printTable } from '../../src/cli/print-table.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { optionHelp, parseOptions, type OptionTable } from '../../src/lib/options.ts';
import { judge, storyOf } from './judge.ts';
import { runSoak } from './run-soak.ts';

/*
 * npm run soak [-- --minutes N]: worker processes of one group on local servers, through all troubles at random, for as
 * long as is asked. Ends with one table; exit code 0 when everything in it held, 1 when not.
 */

const soakOptions = {
  minutes: { type: 'number', description: 'how long troubles come', default: 10, min: 1, max: 10_000 },
  'records-per-second': {
    type: 'number',
    description: 'records put, 8 KB each',
    default: 150,
    min: 1,
    max: 1_000,
  },
  seed: { type: 'number', description: 'of what comes when; default: of the time', min: 0, max: 2 ** 31 },
  leak: { type: 'boolean', description: 'let handlers leak on purpose, to see it noticed' },
  help: { type: 'boolean', short: 'h', description: 'show this' },
} as const satisfies OptionTable;

async function main(): Promise<number> {
  const { options } = parseOptions(soakOptions, process.argv.slice(2), process.env);
  if (options.help) {
    console.log(`npm run soak -- [options]\n\n${optionHelp(soakOptions)}`);
    return 0;
  }
  const { minutes, recordsPerSecond, leak, seed = Date.now() % 2 ** 31 } = options;
  const stop = new AbortController();
  // The first Ctrl-C ends the troubles early, the second everything.
  process.once('SIGINT', () => stop.abort());
  console.log(
    `${minutes} minutes, ${recordsPerSecond} records/s, seed ${seed}; Ctrl-C ends it early, with the table`,
  );
  const result = await runSoak({
    minutes,
    recordsPerSecond,
    seed,
    leaks: leak,
    print: console.log,
    stop: stop.signal,
  });
  const rows = judge(result);
  for (const line of storyOf(result)) console.log(line);
  console.log(
    printTable([
      ['WHAT', 'FIGURE', 'BOUND', ''],
      ...rows.map(({ what, figure, bound, isBroken }) => [
        what,
        figure,
        bound ?? '',
        bound === undefined ? '' : isBroken ? 'BROKEN' : 'ok',
      ]),
    ]),
  );
  const broken = rows.filter(({ isBroken }) => isBroken).length;
  console.log(
    broken === 0
      ? styleText('green', 'everything held')
      : styleText('red', `${broken} did not hold; --seed ${seed} brings the same troubles in the same order`),
  );
  return broken === 0 ? 0 : 1;
}

let code = 2;
try {
  code = await main();
} catch (thrown) {
  const { message, fix } = KcgError.from(thrown);
  process.stderr.write(`soak: ${message}${fix ? `. ${fix}` : ''}\n`);
}
// Left to end by itself, Node 24 now and then spins for ever while it closes sockets whose other end was killed.
process.exit(code);
