import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { bits, context, integer, objectId, octets, sequence, set, text, time, TRUE } from './der.ts';

/** What a TLS server needs, in PEM. */
export interface ServerCertificate {
  key: string;
  cert: string;
}

export interface MadeCertificate extends ServerCertificate {
  /** The authority's certificate, in PEM: who trusts it, trusts `cert` and nothing else, as its key is not kept. */
  ca: string;
}

interface Issue {
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  authority: { publicKey: KeyObject; privateKey: KeyObject };
  fromMs: number;
  untilMs: number;
  extensions: readonly Uint8Array[];
}

const DAY_MS = 86_400_000;
/** Apple's programs refuse servers' certificates that are valid for longer than 825 days. */
const VALID_DAYS = 365;
/** Alternative names: `localhost`, 127.0.0.1, ::1. */
const LOOPBACK = [
  context(2, Buffer.from('localhost'), false),
  context(7, Buffer.from([127, 0, 0, 1]), false),
  context(7, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]), false),
];
const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));

/**
 * A certificate for this machine's loopback addresses, signed by an authority of its own whose key is forgotten at once.
 * Written here, as Node reads X.509 and does not write it, and the libraries that do bring a tree of packages along.
 */
export function makeCertificate(nowMs: number): MadeCertificate {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const validity = { fromMs: nowMs - DAY_MS, untilMs: nowMs + VALID_DAYS * DAY_MS };
  const name = `kcg local mode ${randomBytes(4).toString('hex')}`;
  const ca = issue({
    ...validity,
    subject: name,
    issuer: name,
    publicKey: authority.publicKey,
    authority,
    extensions: [
      extension('2.5.29.19', sequence(TRUE, integer(Buffer.from([0]))), TRUE), // basic constraints: signs, servers only
      extension('2.5.29.15', bits(Buffer.from([0b0000_0110]), 1), TRUE), // key usage: certificates and lists
      extension('2.5.29.14', octets(keyId(authority.publicKey))),
    ],
  });
  const cert = issue({
    ...validity,
    subject: 'localhost',
    issuer: name,
    publicKey: server.publicKey,
    authority,
    extensions: [
      extension('2.5.29.19', sequence(), TRUE), // basic constraints: signs nothing
      extension('2.5.29.15', bits(Buffer.from([0b1000_0000]), 7), TRUE), // key usage: signatures
      extension('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.1'))), // for servers
      extension('2.5.29.17', sequence(...LOOPBACK)),
      extension('2.5.29.14', octets(keyId(server.publicKey))),
      extension('2.5.29.35', sequence(context(0, keyId(authority.publicKey), false))),
    ],
  });
  return { ca, cert, key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Source: RFC 5280, section 4.1. */
function issue({ subject, issuer, publicKey, authority, fromMs, untilMs, extensions }: Issue): string {
  const body = sequence(
    context(0, integer(Buffer.from([2])), true), // version 3
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    commonName(issuer),
    sequence(time(fromMs), time(untilMs)),
    commonName(subject),
    spki(publicKey),
    context(3, sequence(...extensions), true),
  );
  const signature = sign('sha256', body, authority.privateKey);
  const der = Buffer.from(sequence(body, ECDSA_WITH_SHA256, bits(signature)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const commonName = (name: string) => sequence(set(sequence(objectId('2.5.4.3'), text(name))));

const extension = (id: string, value: Uint8Array, ...critical: readonly Uint8Array[]) =>
  sequence(objectId(id), ...critical, octets(value));

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });

const keyId = (key: KeyObject) => createHash('sha256').update(spki(key)).digest().subarray(0, 20);
