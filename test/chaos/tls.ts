import { generateKeyPairSync, sign } from 'node:crypto';
import { connect, type AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

/*
 * TLS before a local server: only so is it known at the other end that bytes are not those that were sent. The
 * certificate is written by hand, as neither Node nor every machine has a program that makes one.
 */

export interface Identity {
  key: string;
  /** Self-signed, for one address; its own authority. */
  cert: string;
}

export function selfSigned(address: readonly number[] = [127, 0, 0, 1]): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const ecdsaWithSha256 = tlv(0x30, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = tlv(0x30, tlv(0x31, tlv(0x30, oid(0x55, 0x04, 0x03), tlv(0x0c, Buffer.from('kcg chaos')))));
  const validity = tlv(0x30, time('200101000000Z'), time('491231235959Z'));
  const isAuthority = tlv(0x30, oid(0x55, 0x1d, 0x13), tlv(0x04, tlv(0x30, tlv(0x01, Buffer.from([0xff])))));
  const altName = tlv(0x30, oid(0x55, 0x1d, 0x11), tlv(0x04, tlv(0x30, tlv(0x87, Buffer.from(address)))));
  const toBeSigned = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, tlv(0x30, isAuthority, altName)),
  );
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey));
  const body = tlv(0x30, toBeSigned, ecdsaWithSha256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${body.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}

/** Takes TLS connections and hands what is in them on to a port of this machine. */
export async function startTls(target: number, identity: Identity): Promise<{ port: number; close(): void }> {
  const server = createServer(identity, (secure) => {
    const plain = connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const [from, to] of [
      [secure, plain],
      [plain, secure],
    ] as const) {
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  // A handshake whose bytes were wrong.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** One DER value: tag, length, content. */
function tlv(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), body]);
}

const oid = (...bytes: number[]) => tlv(0x06, Buffer.from(bytes));
const time = (text: string) => tlv(0x17, Buffer.from(text));
