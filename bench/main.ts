import { styleText } from 'node:util';
import { balance } from './balance.ts';
import { dashboard } from './dashboard.ts';
import { drain } from './drain.ts';
import { exec } from './exec.ts';
import { failover } from './failover.ts';
import { filter } from './filter.ts';
import { idle } from './idle.ts';
import { kcl } from './kcl.ts';
import { lambda } from './lambda.ts';
import { node } from './node.ts';
import { operator } from './operator/operator.ts';
import { requests } from './requests.ts';
import { requestsOnServers } from './requests-on-servers.ts';
import { scaling } from './scaling.ts';
import { spares } from './spares.ts';
import { stop } from './stop.ts';

/* npm run bench [-- <name> [runs]]: prints figures, each with its baseline; asserts nothing. */

const BENCHES = {
  requests,
  'requests-on-servers': requestsOnServers,
  drain,
  kcl,
  filter,
  lambda,
  exec,
  idle,
  stop,
  failover,
  spares,
  balance,
  scaling,
  node,
  operator,
  dashboard,
};
const RUNS = 10;

const [wanted, runs = RUNS] = process.argv.slice(2);
const names = Object.keys(BENCHES) as (keyof typeof BENCHES)[];
if (wanted !== undefined && !names.some((name) => name === wanted)) {
  process.stderr.write(`there is no benchmark ${wanted}; there are ${names.join(', ')}\n`);
  process.exit(2);
}
for (const name of names) {
  if (wanted !== undefined && wanted !== name) continue;
  console.log(styleText('bold', `\n# ${name}`));
  await BENCHES[name](Number(runs), console.log);
}
