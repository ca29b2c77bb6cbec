import process from 'node:process';
import { kinesisPattern } from '../src/filter/kinesis-pattern.ts';
import { recordFilter } from '../src/runtime/delivery/record-filter.ts';
import { spread } from './figures.ts';

/* Records a CPU-second that `handler.filters` looks at: JSON of about 1 KB, beside what parsing it alone costs. */

const RECORDS = 20_000;
const PATTERNS = {
  'a field of the data': { data: { type: ['buy'] } },
  'two fields, a number and a prefix': {
    data: { amount: [{ numeric: ['>', 100] }], customer: { name: [{ prefix: 'Some' }] } },
  },
  'two fields of one element of an array': { data: { lines: { sku: ['sku-7'], count: [7] } } },
  'the partition key alone': { partitionKey: [{ prefix: 'customer-1' }] },
};

export async function filter(runs: number, print: (line: string) => void): Promise<void> {
  const records = Array.from({ length: RECORDS }, (_, index) => ({
    sequence: `4959033827149025660855969253836157109592157598913658${index}`,
    partitionKey: `customer-${index % 1_000}`,
    data: Buffer.from(JSON.stringify(order(index))),
    arrivedAt: 1_545_084_650_987,
  }));
  const place = { shardId: 'shardId-000000000000', region: 'eu-west-1', streamArn: '' };
  print(`${RECORDS} records of ${records[0]!.data.length} B, thousands a CPU-second`);
  const measure = (name: string, look: (record: (typeof records)[number]) => unknown) => {
    const figures = Array.from({ length: runs + 1 }, () => {
      const before = process.cpuUsage();
      for (const record of records) look(record);
      const { user, system } = process.cpuUsage(before);
      return RECORDS / ((user + system) / 1_000);
    });
    print(`  ${name.padEnd(40)} ${spread(figures.slice(1), 'k', 0)}`); // the first run warms up
  };
  measure('JSON.parse and nothing else', ({ data }) => JSON.parse(data.toString()) as unknown);
  for (const [name, pattern] of Object.entries(PATTERNS))
    measure(name, recordFilter([kinesisPattern(pattern)], place));
}

function order(index: number): unknown {
  return {
    id: `order-${index}`,
    type: index % 2 === 0 ? 'sell' : 'buy',
    amount: index * 1.25,
    customer: { id: 12_345 + index, name: 'Some Body', tags: ['a', 'b', 'c'] },
    at: 1_764_380_000_000 + index,
    text: 'x'.repeat(450),
    lines: Array.from({ length: 10 }, (_, line) => ({ sku: `sku-${line}`, count: line, price: 9.99 })),
  };
}
