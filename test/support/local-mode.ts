import { startLocalMode, type LocalMode, type LocalModeOptions } from '../../src/dev/local-mode.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { sdkAwsAccount } from '../../src/main/operator/aws-account.ts';
import { KCG } from './kcg-program.ts';

/** Local mode on the machine's clock, with workers that are processes of `kcg`; silent, and with one shard unless `options` say more. */
export function localMode(
  options: Partial<Pick<LocalModeOptions, 'workerCommand' | 'shards' | 'onWorkerLine'>> = {},
): Promise<LocalMode> {
  return startLocalMode({
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    aws: sdkAwsAccount(systemClock),
    workerCommand: [process.execPath, KCG, 'worker'],
    shards: 1,
    onWorkerLine: () => {},
    ...options,
  });
}
