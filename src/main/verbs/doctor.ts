import { anyFailed, printChecks, type Check } from '../../cli/checks.ts';
import { doctorOptions, type DoctorOptions } from '../../cli/doctor.ts';
import { printData } from '../../cli/status.ts';
import { awsCredentials } from '../../aws/credentials.ts';
import { regionFrom } from '../../aws/region-from.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { paintFor } from '../../lib/paint.ts';
import { diagnoseCluster } from './doctor-cluster.ts';
import { diagnoseGroups } from './doctor-groups.ts';
import { forAws } from '../groups/for-aws.ts';
import { useLocalCredentials } from '../groups/local-credentials.ts';
import { openUserCluster } from '../groups/user-cluster.ts';
import { VERSION } from '../version.ts';

export { doctorOptions };

/** `kcg doctor`: is everything there that kcg needs, from this machine to the groups? Exit code 1 when something failed. */
export async function runDoctorCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(doctorOptions, argv, env);
  const checks: Check[] = [
    { result: 'ok', what: 'kcg', found: `${VERSION}, Node ${process.version} on ${process.platform}` },
    ...(await credentials(options, env)),
    ...(await kubernetes(options, env, stop)),
  ];
  const { output } = options;
  const text =
    output === 'json' || output === 'yaml'
      ? printData([{ checks }], output)
      : printChecks('kcg doctor', checks, paintFor(process.stdout));
  process.stdout.write(`${text}\n`);
  return anyFailed(checks) ? 1 : 0;
}

async function credentials(options: DoctorOptions, env: NodeJS.ProcessEnv): Promise<Check[]> {
  const region = options.region ?? regionFrom(env);
  const what = 'AWS';
  useLocalCredentials([options.kinesisEndpoint, options.dynamodbEndpoint], env);
  try {
    const { accessKeyId } = await awsCredentials({ clock })();
    const where =
      region === undefined ? 'no region is set, so groups have to name theirs' : `region ${region}`;
    return [
      { result: 'ok', what, found: `credentials are there (access key …${accessKeyId.slice(-4)}), ${where}` },
    ];
  } catch (thrown) {
    const { message, fix } = forAws(thrown);
    const why = message.replace(/^no credentials: /, '');
    const found = `no credentials on this machine: ${why}; tables and streams cannot be looked at from here`;
    return [{ result: 'warning', what, found, next: fix }];
  }
}

async function kubernetes(
  options: DoctorOptions,
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<Check[]> {
  const what = 'Kubernetes';
  try {
    const found = await openUserCluster(options, { env });
    try {
      const version = await found.calls.version(stop);
      const [, minor = '0'] = /^v1\.(\d+)/.exec(version) ?? [];
      const isOld = Number(minor) < 30;
      const answers: Check = isOld
        ? { result: 'failed', what, found: `answers, ${version}`, next: 'kcg needs 1.30 or later.' }
        : { result: 'ok', what, found: `answers, ${version}` };
      return [
        answers,
        ...(await diagnoseCluster(found, options, stop)),
        ...(await diagnoseGroups(options, env, stop)),
      ];
    } catch (thrown) {
      throw found.explain(thrown);
    } finally {
      await found.cluster.close();
    }
  } catch (thrown) {
    if (stop.aborted) throw thrown;
    // One that was named ought to be there.
    const isNamed = options.context !== undefined || options.kubeconfig !== undefined;
    const isNone = !isNamed && KcgError.from(thrown).code === 'InvalidInput';
    const next = isNone
      ? 'Without a cluster, kcg dev, and all commands with -f or --table, work all the same.'
      : undefined;
    return [{ result: isNone ? 'unknown' : 'failed', what, found: describeError(thrown), next }];
  }
}
