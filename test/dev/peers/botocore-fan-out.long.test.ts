import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pythonPrograms } from '../../support/peer-programs.ts';
import { startKcgDev, type KcgDev } from './kcg-dev.ts';

const run = promisify(execFile);

/** Registers, waits, subscribes, reads over a reshard to the shard's end, is in its own way, and deregisters. */
const PROGRAM = `
import boto3, json, os, sys, time
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
kinesis = boto3.client('kinesis', endpoint_url=sys.argv[1], region_name='eu-west-1',
                       config=Config(retries={'total_max_attempts': 1}, read_timeout=240))
name = os.environ['STREAM']
kinesis.create_stream(StreamName=name, ShardCount=1)
kinesis.get_waiter('stream_exists').wait(StreamName=name, WaiterConfig={'Delay': 1, 'MaxAttempts': 240})
stream = kinesis.describe_stream_summary(StreamName=name)['StreamDescriptionSummary']['StreamARN']

registered = kinesis.register_stream_consumer(StreamARN=stream, ConsumerName='reader')['Consumer']
arn = registered['ConsumerARN']
for _ in range(480):
    described = kinesis.describe_stream_consumer(ConsumerARN=arn)['ConsumerDescription']
    if described['ConsumerStatus'] == 'ACTIVE':
        break
    time.sleep(0.5)
listed = [each['ConsumerName'] for each in kinesis.list_stream_consumers(StreamARN=stream)['Consumers']]

def code(call, *kinds):
    try:
        call()
    except kinds or ClientError as thrown:
        return thrown.response['Error']['Code']

def subscribe(shard, **position):
    return kinesis.subscribe_to_shard(ConsumerARN=arn, ShardId=shard, StartingPosition=position)['EventStream']

shard = 'shardId-000000000000'
put = [kinesis.put_record(StreamName=name, PartitionKey='schlüssel', Data=b'\\x00\\xff%d' % i)['SequenceNumber'] for i in range(3)]
events, again = subscribe(shard, Type='TRIM_HORIZON'), None
while again is None: # a call that comes five seconds after the one before takes over
    taken = []
    again = code(lambda: taken.append(subscribe(shard, Type='TRIM_HORIZON')))
    events = taken[0] if taken else events
records, children, continued, first = [], [], [], True
for each in events:
    event = each['SubscribeToShardEvent']
    records += event['Records']
    continued.append('ContinuationSequenceNumber' in event)
    children += [child['ShardId'] for child in event.get('ChildShards', [])]
    if first:
        kinesis.put_record(StreamName=name, PartitionKey='k', Data=b'live')
        kinesis.split_shard(StreamName=name, ShardToSplit=shard, NewStartingHashKey=str(2 ** 127))
        first = False

kinesis.get_waiter('stream_exists').wait(StreamName=name, WaiterConfig={'Delay': 1, 'MaxAttempts': 240})
kinesis.put_record(StreamName=name, PartitionKey='k', ExplicitHashKey='0', Data=b'child')
events = iter(subscribe('shardId-000000000001', Type='TRIM_HORIZON'))
child = [bytes(record['Data']).decode() for record in next(events)['SubscribeToShardEvent']['Records']]
kinesis.deregister_stream_consumer(ConsumerARN=arn)
broken = code(lambda: list(events), EventStreamError)
for _ in range(480):
    gone = code(lambda: kinesis.describe_stream_consumer(ConsumerARN=arn))
    if gone:
        break
    time.sleep(0.5)
print(json.dumps({
    'named': arn.startswith(stream + '/consumer/reader:'), 'at first': registered['ConsumerStatus'], 'in the end': described['ConsumerStatus'],
    'listed': listed, 'again': again, 'same': [record['SequenceNumber'] for record in records[:3]] == put,
    'data': [record['Data'].hex() for record in records], 'key': records[0]['PartitionKey'],
    'arrived': records[0]['ApproximateArrivalTimestamp'].timestamp(), 'children': children, 'goes on': continued[-2:],
    'child': child, 'broken': broken, 'gone': gone,
}))
`;

let bin: string;
let dev: KcgDev;
beforeAll(async () => {
  bin = await pythonPrograms('boto3==1.44.8', 'awscli==1.46.3');
  dev = await startKcgDev(['--tls']);
});
afterAll(() => dev?.program.stop());

it.each(['http', 'https'])(
  'botocore over %s registers, reads over a reshard and deregisters',
  async (scheme) => {
    const endpoint = dev.kinesis.replace('https:', `${scheme}:`);
    const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_EC2_METADATA_DISABLED: 'true' };
    const env = { PATH: process.env['PATH'], ...keys, AWS_CA_BUNDLE: dev.ca, STREAM: `fan-out-${scheme}` };
    const { stdout } = await run(join(bin, 'python'), ['-c', PROGRAM, endpoint], { timeout: 480_000, env });
    const { arrived, ...result } = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toEqual({
      named: true,
      'at first': 'CREATING',
      'in the end': 'ACTIVE',
      listed: ['reader'],
      again: 'ResourceInUseException',
      same: true,
      data: ['00ff30', '00ff31', '00ff32', Buffer.from('live').toString('hex')],
      key: 'schlüssel',
      children: ['shardId-000000000001', 'shardId-000000000002'],
      'goes on': [true, false],
      child: ['child'],
      broken: 'ResourceNotFoundException',
      gone: 'ResourceNotFoundException',
    });
    expect(arrived).toBeGreaterThan(1_700_000_000);
  },
);
