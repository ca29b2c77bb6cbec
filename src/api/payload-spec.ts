import * as z from 'zod';

/** What the data of a record is. `JsonLines`, `JsonList` and the netstrings hold several payloads, each a record of its own. */
export const PAYLOAD_FORMATS = [
  'Bytes',
  'Text',
  'Json',
  'JsonLines',
  'JsonList',
  'Msgpack',
  'Netstring',
  'NetstringMsgpack',
] as const;
export type PayloadFormat = (typeof PAYLOAD_FORMATS)[number];

/** `Auto`: gzip or zstd where the data begins as one, else none. */
export const COMPRESSIONS = ['None', 'Gzip', 'Zstd', 'Auto'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

export const formatSpec = z
  .enum(PAYLOAD_FORMATS)
  .default('Bytes')
  .describe(
    'What the data of a record is, after compression. JsonLines, JsonList, Netstring and NetstringMsgpack hold several payloads, which become records of their own. Data that is not of the format fails its batch, except with Bytes.',
  );

export const compressionSpec = z
  .enum(COMPRESSIONS)
  .default('None')
  .describe(
    'How the data is compressed; the handler gets it uncompressed. Auto: as its first bytes say, gzip, zstd or not at all.',
  );
