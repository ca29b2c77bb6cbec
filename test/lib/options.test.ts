import { describe, expect, test } from 'vitest';
import { actOptions } from '../../src/cli/act.ts';
import { groupNames } from '../../src/cli/group-options.ts';
import { parseOptions, type OptionTable } from '../../src/lib/options.ts';
import { operatorOptions } from '../../src/main/operator/operator-options.ts';
import { workerOptions } from '../../src/main/worker.ts';

const PORT = {
  port: { type: 'number', env: 'KCG_PORT', description: 'a port', default: 8085, min: 0, max: 65_535 },
} as const satisfies OptionTable;

describe('what Kubernetes says of a Service of the namespace', () => {
  test.each(['tcp://10.96.0.5:80', 'tcp://[fd00::5]:80', 'udp://10.96.0.5:53', 'sctp://10.96.0.5:1'])(
    '%s is no value of an option',
    (address) => {
      expect(parseOptions(PORT, [], { KCG_PORT: address }).options.port).toBe(8085);
      expect(parseOptions(PORT, ['--port=1'], { KCG_PORT: address }).options.port).toBe(1);
    },
  );

  test('and is refused as a flag, and anything else as a variable', () => {
    expect(() => parseOptions(PORT, ['--port=tcp://10.96.0.5:80'], {})).toThrow('--port takes');
    expect(() => parseOptions(PORT, [], { KCG_PORT: '10.96.0.5:80' })).toThrow('KCG_PORT takes');
    expect(parseOptions(PORT, [], { KCG_PORT: '9000' }).options.port).toBe(9000);
  });

  test.each(Object.entries({ ...operatorOptions, ...workerOptions }))(
    'never has the variable of --%s otherwise',
    (_, option: OptionTable[string]) => {
      // Names that a Service gets, other than <NAME>_PORT with its address.
      expect(option.env ?? '').not.toMatch(/_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP|SCTP)/);
      if (option.env?.endsWith('_PORT')) expect(option.type).toBe('number');
    },
  );
});

test('a short option takes its value in each of the ways that kubectl has', () => {
  const table = { output: { type: 'string', short: 'o', description: 'how' } } as const satisfies OptionTable;
  const given = (...argv: string[]) => parseOptions(table, argv, {}, { positionals: 1 });
  for (const argv of [['-o', 'a=b'], ['-oa=b'], ['-o=a=b'], ['--output=a=b']])
    expect(given(...argv).options.output).toBe('a=b');
  expect(() => given('-x=1')).toThrow('there is no option -x');
  expect(given('--', '-o=a').positionals).toEqual(['-o=a']);
});

test.each([
  ['90', 90],
  ['5m', 300],
])('a time to wait of %s is %i seconds', (text, seconds) => {
  const { timeout } = actOptions;
  expect(parseOptions({ timeout }, ['--timeout', text], {}).options.timeout).toBe(seconds);
});

test.each(['orders', 'kcg/orders', 'KinesisConsumerGroup/orders', 'kinesisconsumergroup.kcg.dev/orders'])(
  '%s is the group orders',
  (name) => {
    expect(parseOptions(PORT, ['--port=1', name], {}, groupNames(1)).positionals).toEqual(['orders']);
    expect(parseOptions(PORT, ['pod/orders'], {}, groupNames(1)).positionals).toEqual(['pod/orders']);
  },
);
