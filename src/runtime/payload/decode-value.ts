import type { PayloadFormat } from '../../api/payload-spec.ts';
import { PayloadError } from './payload-error.ts';

/** What a handler gets as `record.value`. @throws PayloadError when the data is not of the format */
export type DecodeValue = (data: Uint8Array) => unknown;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Of one payload. Msgpack's decoder is loaded only where it is used. Undefined: the data is all there is. */
export async function valueDecoder(format: PayloadFormat): Promise<DecodeValue | undefined> {
  switch (format) {
    case 'Bytes':
    case 'Netstring':
      return undefined;
    case 'Text':
      return utf8;
    case 'Json':
    case 'JsonLines':
    case 'JsonList':
      return json;
    case 'Msgpack':
    case 'NetstringMsgpack':
      return msgpackDecoder();
  }
}

/** @throws PayloadError */
export function utf8(data: Uint8Array): string {
  try {
    return decoder.decode(data);
  } catch {
    throw new PayloadError('its data is not UTF-8');
  }
}

function json(data: Uint8Array): unknown {
  const text = utf8(data);
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the text: no record data there.
    throw new PayloadError('its data is not JSON');
  }
}

async function msgpackDecoder(): Promise<DecodeValue> {
  const { decode } = await import('@msgpack/msgpack');
  return (data) => {
    try {
      return decode(data);
    } catch (thrown) {
      throw new PayloadError(`its data is not msgpack: ${(thrown as Error).name}`);
    }
  };
}
