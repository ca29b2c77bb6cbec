import type { PayloadFormat } from '../../api/payload-spec.ts';
import { jsonLines } from './json-lines.ts';
import { jsonList } from './json-list.ts';
import { netstrings } from './netstrings.ts';

export type Split = (data: Uint8Array) => Uint8Array[];

/** How data of the format falls into payloads; undefined: it is one. */
export function splitterOf(format: PayloadFormat): Split | undefined {
  switch (format) {
    case 'JsonLines':
      return jsonLines;
    case 'JsonList':
      return jsonList;
    case 'Netstring':
    case 'NetstringMsgpack':
      return netstrings;
    case 'Bytes':
    case 'Text':
    case 'Json':
    case 'Msgpack':
      return undefined;
  }
}
