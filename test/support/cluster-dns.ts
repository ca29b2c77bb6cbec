import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';

const A = 1;
const IN = 1;
const TTL_SECONDS = 1;
const NO_SUCH_NAME = 3;
const HEADER_BYTES = 12;
const SERVICE = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local$/;

export interface ClusterDns {
  close(): Promise<void>;
}

type Lookup = (service: { namespace: string; name: string }) => Promise<readonly string[]>;

/**
 * Names of Services in a cluster, and no others: `kinesis.emulator.svc.cluster.local`. Each Service is as if it were headless:
 * its name stands for the IPv4 addresses of its pods.
 */
export async function startClusterDns(address: string, kubeconfig: string): Promise<ClusterDns> {
  const addressesOf = lookupIn(kubeconfig);
  const socket = createSocket('udp4');
  socket.on('message', (query, { address: client, port }) => {
    // Who asks asks again.
    void answerTo(query, addressesOf).then((reply) => socket.send(reply, port, client), console.error);
  });
  socket.bind(53, address);
  await once(socket, 'listening');
  return { close: () => new Promise((resolve) => socket.close(resolve)) };
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

function lookupIn(kubeconfig: string): Lookup {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
  const bytes = (base64: string) => Buffer.from(base64, 'base64');
  return async ({ namespace, name }) => {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io/service-name=${name}`;
    const call = request(`${server}${path}`, { ca: bytes(ca), cert: bytes(cert), key: bytes(key) }).end();
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const { items } = JSON.parse(await text(response)) as { items: EndpointSlice[] };
    const ready = items
      .flatMap(({ endpoints }) => endpoints ?? [])
      .filter(({ conditions }) => conditions.ready);
    return ready.flatMap(({ addresses }) => addresses);
  };
}

interface EndpointSlice {
  endpoints: { addresses: string[]; conditions: { ready?: boolean } }[] | null;
}

/** As RFC 1035 has it: the header and the question of the query, and a record for each address. */
async function answerTo(query: Buffer, addressesOf: Lookup): Promise<Buffer> {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(HEADER_BYTES, at + 5);
  const [, name, namespace] = SERVICE.exec(labels.join('.').toLowerCase()) ?? [];
  const found = name === undefined || namespace === undefined ? [] : await addressesOf({ namespace, name });
  const records = type === A ? found.map(recordOf) : [];
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8580 | (found.length === 0 ? NO_SUCH_NAME : 0), 2); // a reply that is authoritative
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question, ...records]);
}

function recordOf(address: string): Buffer {
  const asAsked = 0xc000 | HEADER_BYTES;
  const record = Buffer.alloc(12);
  for (const [index, value] of [asAsked, A, IN, 0, TTL_SECONDS, 4].entries())
    record.writeUInt16BE(value, 2 * index);
  return Buffer.concat([record, Buffer.from(address.split('.').map(Number))]);
}
