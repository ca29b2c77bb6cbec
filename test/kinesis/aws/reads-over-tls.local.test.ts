import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { makeCertificate } from '../../../src/dev/tls/certificate.ts';
import { awsStreamClient } from '../../../src/kinesis/aws/stream-client.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { seededRandom } from '../../../src/lib/random.ts';

/* As AWS is read: over TLS, where sockets and their buffers are not those of plain HTTP. */

const SHARDS = 4;
let local: LocalKinesis;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  const certificate = makeCertificate(clock.now());
  setDefaultCACertificates([...getCACertificates(), certificate.ca]);
  local = await startLocalKinesis({ clock, certificate });
  local.kinesis.limits = false;
});
afterAll(async () => {
  await local.close();
  vi.unstubAllEnvs();
});

const random = seededRandom(1);
const NOISE = Buffer.from(Uint8Array.from({ length: 1_100_000 }, () => random() * 256));
/** Another part of it each time. */
const noise = (length: number) => {
  const from = Math.floor(random() * (NOISE.length - length));
  return NOISE.subarray(from, from + length);
};

test.each(['CBOR', 'JSON'] as const)(
  'long answers in %s of several shards at once come whole, and stay as they came',
  async (format) => {
    const name = `orders-${format}`;
    local.kinesis.createStream({ name, shardCount: SHARDS });
    await local.kinesis.whenCreated(name);
    const { shards } = local.kinesis.listShards(name);
    const sent = new Map<string, Buffer[]>();
    for (const { shardId, hashStart } of shards) {
      const records = [1_000_000, 3, 400_000, 70_000, 900_000].map(noise);
      for (const data of records)
        local.kinesis.putRecord(name, { data, partitionKey: 'a', explicitHashKey: hashStart });
      sent.set(shardId, records);
    }
    const client = awsStreamClient({
      streamName: name,
      region: 'eu-west-1',
      endpoint: local.tlsEndpoint,
      clock,
      format,
    });
    try {
      const read = async (shardId: string) => {
        const iterator = await client.getIterator(shardId, { at: 'TRIM_HORIZON' });
        return (await client.getRecords(iterator, 10_000)).records.map(({ data }) => data);
      };
      // Read side by side and again, before anything is compared: nothing may have been read over.
      const found = await Promise.all([...sent.keys(), ...sent.keys()].map(read));
      const wanted = [...sent.values(), ...sent.values()];
      expect(found).toHaveLength(2 * SHARDS);
      for (const [index, records] of found.entries()) {
        const same = records.map((data, i) => Buffer.compare(Buffer.from(data), wanted[index]![i]!));
        expect(same).toEqual([0, 0, 0, 0, 0]);
      }
    } finally {
      client.close();
    }
  },
);
