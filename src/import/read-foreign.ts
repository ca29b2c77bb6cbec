import type {
  ForeignPositions,
  ForeignProgram,
  ForeignReader,
  ForeignRows,
  ForeignSelection,
} from './foreign-store.ts';
import { readAsyncKinesis } from './programs/async-kinesis.ts';
import { readHarlow } from './programs/harlow.ts';
import { readKcl } from './programs/kcl.ts';
import { readRedpandaConnect } from './programs/redpanda-connect.ts';
import { readVmwareGoKcl } from './programs/vmware-go-kcl.ts';

const READERS: Record<ForeignProgram, ForeignReader> = {
  kcl: readKcl,
  'async-kinesis': readAsyncKinesis,
  'vmware-go-kcl': readVmwareGoKcl,
  'redpanda-connect': readRedpandaConnect,
  harlow: readHarlow,
};

/** What the rows of `program` say about the stream. Never throws: see `ForeignReader`. */
export function readForeign(
  program: ForeignProgram,
  rows: ForeignRows,
  selection: ForeignSelection,
): ForeignPositions {
  return READERS[program](rows, selection);
}
