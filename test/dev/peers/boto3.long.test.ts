import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonPrograms } from '../../support/peer-programs.ts';
import { until } from '../../support/until.ts';
import { startKcgDev, type KcgDev } from './kcg-dev.ts';

const run = promisify(execFile);

const PROGRAM = `
import boto3, json, os, sys
from botocore.config import Config
kinesis = boto3.client('kinesis', endpoint_url=sys.argv[1], region_name='eu-west-1', aws_access_key_id='a',
                       aws_secret_access_key='b', config=Config(retries={'total_max_attempts': 1}))
kinesis.create_stream(StreamName=os.environ['STREAM'], ShardCount=2)
kinesis.get_waiter('stream_exists').wait(StreamName=os.environ['STREAM'], WaiterConfig={'Delay': 1, 'MaxAttempts': 240})
data = bytes(range(256))
one = kinesis.put_record(StreamName=os.environ['STREAM'], PartitionKey='schlüssel', ExplicitHashKey='0', Data=data)
many = kinesis.put_records(StreamName=os.environ['STREAM'], Records=[
    {'PartitionKey': str(i), 'ExplicitHashKey': '0', 'Data': b'%d' % i} for i in range(100)])
shards = kinesis.list_shards(StreamName=os.environ['STREAM'])['Shards']
start = kinesis.get_shard_iterator(StreamName=os.environ['STREAM'], ShardId=shards[0]['ShardId'], ShardIteratorType='TRIM_HORIZON')
page = kinesis.get_records(ShardIterator=start['ShardIterator'], Limit=60)
rest = kinesis.get_records(ShardIterator=page['NextShardIterator'])
records = page['Records'] + rest['Records']
try:
    kinesis.describe_stream(StreamName='none')
    error = None
except kinesis.exceptions.ResourceNotFoundException as thrown:
    error = thrown.response['Error']
arrived = records[0]['ApproximateArrivalTimestamp'].timestamp()
later = kinesis.get_shard_iterator(StreamName=os.environ['STREAM'], ShardId=shards[0]['ShardId'], ShardIteratorType='AT_TIMESTAMP',
                                   Timestamp=records[0]['ApproximateArrivalTimestamp'])
print(json.dumps({
    'failed': many['FailedRecordCount'], 'shards': len(shards), 'records': len(records), 'page': len(page['Records']),
    'behind': rest['MillisBehindLatest'], 'error': error, 'arrived': arrived,
    'same': records[0]['Data'] == data and records[0]['PartitionKey'] == 'schlüssel'
            and records[0]['SequenceNumber'] == one['SequenceNumber'],
    'again': len(kinesis.get_records(ShardIterator=later['ShardIterator'])['Records']),
}))
`;

let bin: string;
let dev: KcgDev;
beforeAll(async () => {
  bin = await pythonPrograms('boto3==1.44.8', 'awscli==1.46.3');
  dev = await startKcgDev(['--tls']);
});
afterAll(() => dev?.program.stop());

const keys = {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_EC2_METADATA_DISABLED: 'true',
};

/** The AWS CLI on `kcg dev --tls`. */
async function aws(line: string, { endpoint, ca }: { endpoint: string; ca?: string }): Promise<string> {
  const { PATH } = process.env;
  const env = { PATH, ...keys, ...(ca === undefined ? {} : { AWS_CA_BUNDLE: ca }) };
  const args = ['--region', 'eu-west-1', '--endpoint-url', endpoint, '--output', 'text', ...line.split(' ')];
  return (await run(join(bin, 'aws'), args, { env, timeout: 480_000 })).stdout;
}

describe.each(['http', 'https'])('boto3 over %s', (scheme) => {
  it('creates a stream, puts and gets', async () => {
    const before = Date.now() / 1000;
    const endpoint = dev.kinesis.replace('https:', `${scheme}:`);
    const env = { ...process.env, ...keys, AWS_CA_BUNDLE: dev.ca, STREAM: `boto3-${scheme}` };
    const { stdout } = await run(join(bin, 'python'), ['-c', PROGRAM, endpoint], { timeout: 480_000, env });
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

describe('the AWS CLI on kcg dev --tls', { timeout: 900_000 }, () => {
  it('works with the certificate it is told to trust, and not without', async () => {
    const kinesis = { endpoint: dev.kinesis, ca: dev.ca };
    expect(await aws('kinesis list-streams --query StreamNames', kinesis)).toContain('orders');
    expect(await aws('sts get-caller-identity --query Account', kinesis)).toBe('000000000000\n');
    const tables = () => aws('dynamodb list-tables', { endpoint: dev.dynamodb, ca: dev.ca });
    await until('the table', async () => (await tables()).includes('kinesis-checkpoints-shop-orders'));
    await expect(aws('kinesis list-streams', { endpoint: dev.kinesis })).rejects.toThrow(
      'CERTIFICATE_VERIFY_FAILED',
    );
  });
});
