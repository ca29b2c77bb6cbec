import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';

const run = promisify(execFile);
const CACHE = join(homedir(), '.cache/kcg/boto3');
const PYTHON = join(CACHE, 'bin/python');

/** Why boto3 cannot be used here, or undefined when it can. The first run installs it into the cache. */
async function prepareBoto3(): Promise<string | undefined> {
  try {
    await access(PYTHON).catch(async () => {
      await mkdir(CACHE, { recursive: true });
      await run('python3', ['-m', 'venv', CACHE]);
    });
    await run(PYTHON, ['-c', 'import boto3']).catch(() =>
      run(PYTHON, ['-m', 'pip', 'install', '--quiet', 'boto3']),
    );
    return undefined;
  } catch (error) {
    return (error as Error).message.trim().split('\n').at(-1) ?? 'unknown';
  }
}

const PROGRAM = `
import boto3, json, os, sys
from botocore.config import Config
kinesis = boto3.client('kinesis', endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='a',
                       aws_secret_access_key='b', config=Config(retries={'total_max_attempts': 1}))
kinesis.create_stream(StreamName='orders', ShardCount=2)
kinesis.get_waiter('stream_exists').wait(StreamName='orders', WaiterConfig={'Delay': 1, 'MaxAttempts': 10})
data = bytes(range(256))
one = kinesis.put_record(StreamName='orders', PartitionKey='schlüssel', ExplicitHashKey='0', Data=data)
many = kinesis.put_records(StreamName='orders', Records=[
    {'PartitionKey': str(i), 'ExplicitHashKey': '0', 'Data': b'%d' % i} for i in range(100)])
shards = kinesis.list_shards(StreamName='orders')['Shards']
start = kinesis.get_shard_iterator(StreamName='orders', ShardId=shards[0]['ShardId'], ShardIteratorType='TRIM_HORIZON')
page = kinesis.get_records(ShardIterator=start['ShardIterator'], Limit=60)
rest = kinesis.get_records(ShardIterator=page['NextShardIterator'])
records = page['Records'] + rest['Records']
try:
    kinesis.describe_stream(StreamName='none')
    error = None
except kinesis.exceptions.ResourceNotFoundException as thrown:
    error = thrown.response['Error']
arrived = records[0]['ApproximateArrivalTimestamp'].timestamp()
later = kinesis.get_shard_iterator(StreamName='orders', ShardId=shards[0]['ShardId'], ShardIteratorType='AT_TIMESTAMP',
                                   Timestamp=records[0]['ApproximateArrivalTimestamp'])
print(json.dumps({
    'failed': many['FailedRecordCount'], 'shards': len(shards), 'records': len(records), 'page': len(page['Records']),
    'behind': rest['MillisBehindLatest'], 'error': error, 'arrived': arrived,
    'same': records[0]['Data'] == data and records[0]['PartitionKey'] == 'schlüssel'
            and records[0]['SequenceNumber'] == one['SequenceNumber'],
    'again': len(kinesis.get_records(ShardIterator=later['ShardIterator'])['Records']),
}))
`;

const missing = await prepareBoto3();
if (missing !== undefined) console.warn(`boto3 is not checked: ${missing}`);

describe('boto3 against the local server', () => {
  it.runIf(process.env['CI'] === 'true')('can be installed', () => expect(missing).toBeUndefined());

  it.skipIf(missing !== undefined)('creates a stream, puts and gets', { timeout: 60_000 }, async () => {
    const before = Date.now() / 1000;
    const { endpoint, close } = await startLocalKinesis();
    const { stdout } = await run(PYTHON, ['-c', PROGRAM, endpoint], { timeout: 30_000 });
    await close();
    const { arrived, ...result } = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toEqual({
      failed: 0,
      shards: 2,
      records: 101,
      page: 60,
      behind: 0,
      error: { Code: 'ResourceNotFoundException', Message: expect.stringContaining('none') },
      same: true,
      again: 101,
    });
    expect(arrived).toBeGreaterThanOrEqual(Math.floor(before));
  });
});
