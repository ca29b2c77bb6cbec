#!/usr/bin/env bash
# dynalite answers with success and does not do it, so a table for leases that looks well made is not.
#
# A good guess: what a server does not have it refuses (as dynalite refuses UpdateTimeToLive), and what it
# answers with success is done.
# Package: npm dynalite 4.0.0, asked with npm @aws-sdk/client-dynamodb 3.1164.0. Seen:
# - CreateTable with Tags succeeds and the table has no tags, though TagResource and ListTagsOfResource work.
#   Who recognizes their own table by a tag given at creation does not recognize it.
# - CreateTable with DeletionProtectionEnabled succeeds, and DeleteTable then deletes the table.
# - UpdateTable that adds a global secondary index to an on-demand table is refused without a throughput, which
#   such a table does not have; with one it succeeds, and the index is never made.
# - A put whose condition fails does not carry the item that was asked for with
#   ReturnValuesOnConditionCheckFailure=ALL_OLD: a taker of leases cannot read there whose the lease is.
# Output:
#   tags after CreateTable: []
#   tags after TagResource: [{"Key":"owner","Value":"orders"}]
#   index without a throughput: refused, ValidationException
#   index with a throughput: accepted, indexes then: none
#   failed condition: ConditionalCheckFailedException, item: none
#   delete of a protected table: accepted
set -euo pipefail
export AWS_EC2_METADATA_DISABLED=true AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1
PATH=$(cd "$(dirname "$0")/.." && pwd)/node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . dynalite@4.0.0 @aws-sdk/client-dynamodb@3.1164.0

cat > ask.mjs <<'JS'
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import dynalite from 'dynalite';
import * as sdk from '@aws-sdk/client-dynamodb';

const server = dynalite({ createTableMs: 0, updateTableMs: 0, deleteTableMs: 0 });
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const client = new sdk.DynamoDBClient({ endpoint: `http://127.0.0.1:${server.address().port}`, maxAttempts: 1 });
const call = (operation, input) => client.send(new sdk[`${operation}Command`](input));
const refusal = (promise) => promise.then(() => undefined, (error) => error);
const TableName = 'leases';
const settled = async () => {
  for (;;) {
    const { Table } = await call('DescribeTable', { TableName });
    if (Table.TableStatus === 'ACTIVE') return Table;
    await sleep(50);
  }
};

const key = { AttributeName: 'leaseKey', AttributeType: 'S' };
const owner = { AttributeName: 'leaseOwner', AttributeType: 'S' };
const Tags = [{ Key: 'owner', Value: 'orders' }];
const KeySchema = [{ AttributeName: 'leaseKey', KeyType: 'HASH' }];
await call('CreateTable', {
  TableName, KeySchema, Tags, AttributeDefinitions: [key], BillingMode: 'PAY_PER_REQUEST', DeletionProtectionEnabled: true,
});
const { TableArn: ResourceArn } = await settled();
const tags = async () => JSON.stringify((await call('ListTagsOfResource', { ResourceArn })).Tags);
const atCreation = await tags();
console.log(`tags after CreateTable: ${atCreation}`);
await call('TagResource', { ResourceArn, Tags });
const afterwards = await tags();
console.log(`tags after TagResource: ${afterwards}`);

const addIndex = (throughput) =>
  call('UpdateTable', {
    TableName,
    AttributeDefinitions: [key, owner],
    GlobalSecondaryIndexUpdates: [
      {
        Create: {
          IndexName: 'byOwner',
          KeySchema: [{ AttributeName: 'leaseOwner', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
          ...throughput,
        },
      },
    ],
  });
const without = await refusal(addIndex({}));
console.log(`index without a throughput: ${without ? `refused, ${without.name}` : 'accepted'}`);
await addIndex({ ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } });
const indexes = (await settled()).GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName).join() ?? 'none';
console.log(`index with a throughput: accepted, indexes then: ${indexes}`);

await call('PutItem', { TableName, Item: { leaseKey: { S: 'shard' }, leaseOwner: { S: 'a' } } });
const failed = await refusal(
  call('PutItem', {
    TableName,
    Item: { leaseKey: { S: 'shard' }, leaseOwner: { S: 'b' } },
    ConditionExpression: 'attribute_not_exists(leaseKey)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }),
);
console.log(`failed condition: ${failed?.name}, item: ${JSON.stringify(failed?.Item) ?? 'none'}`);

const kept = await refusal(call('DeleteTable', { TableName }));
console.log(`delete of a protected table: ${kept ? `refused, ${kept.name}` : 'accepted'}`);

assert.equal(atCreation, '[]');
assert.equal(afterwards, JSON.stringify(Tags));
assert.equal(without?.name, 'ValidationException');
assert.equal(indexes, 'none');
assert.equal(failed?.name, 'ConditionalCheckFailedException');
assert.equal(failed?.Item, undefined);
assert.equal(kept, undefined);
process.exit();
JS
node ask.mjs
