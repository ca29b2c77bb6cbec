import { encodeImport, type ImportRecord } from './import-record.ts';
import type { Lease } from './lease.ts';
import { CLAIM_KEY } from './row.ts';
import { absent, equal, type RowWrite } from './row-write.ts';
import { LAYOUT_VERSION } from './claim.ts';
import { putShard, shows, type NewLease } from './transitions.ts';

/*
 * What an import writes, in this order: the snapshot, with all the rows that are to be; the claim, `begun`; each shard's row,
 * parents first; the claim, `done`. Once it has begun, what is missing is completed from the snapshot, by whoever comes
 * next, and no worker owns or adds a shard before it is done. An undo goes the same way back: `undoing`, the
 * rows, the snapshot, the claim.
 */

/** As `LeaseChange.why` of a row that no worker has had yet. */
export const IMPORTED = 'Imported';

/** Lost: somebody else has begun one. */
export function beginImport(record: ImportRecord): RowWrite {
  return {
    name: 'begin import',
    key: CLAIM_KEY,
    kind: 'update',
    when: [absent('import_id')],
    set: { ...encodeImport(record), layout_version: LAYOUT_VERSION },
    proof: [equal('import_id', record.id)],
  };
}

/** A shard nobody has added yet. Its epoch is that of the import, so that whoever completes it writes the same row. */
export function putImported(lease: NewLease, { at }: Pick<ImportRecord, 'at'>): RowWrite {
  const write = putShard(lease, at);
  const set: RowWrite['set'] = { ...write.set, why: IMPORTED };
  const proof = [equal('epoch', Number(set['epoch'])), equal('why', IMPORTED)];
  // As an update, which the operator may do anyway.
  return { ...write, name: 'put imported shard', kind: 'update', set, proof };
}

export function finishImport({ id }: Pick<ImportRecord, 'id'>): RowWrite {
  return moveImport('finish import', { id, from: 'begun', to: 'done' });
}

/** Lost: it is undone already, or another one has taken its place. */
export function undoImport({ id, state }: Pick<ImportRecord, 'id' | 'state'>): RowWrite {
  return moveImport('undo import', { id, from: state, to: 'undoing' });
}

function moveImport(
  name: string,
  { id, from, to }: { id: string; from: ImportRecord['state']; to: ImportRecord['state'] },
): RowWrite {
  const mine = equal('import_id', id);
  return {
    name,
    key: CLAIM_KEY,
    kind: 'update',
    when: [mine, equal('import_state', from)],
    set: { import_state: to },
    proof: [mine, equal('import_state', to)],
  };
}

/** Exactly as it was seen: with the imported position, and nobody's. */
export function deleteImported(seen: Pick<Lease, 'shardId' | 'epoch' | 'checkpoint'>): RowWrite {
  const epoch = seen.epoch === 0 ? absent('epoch') : equal('epoch', seen.epoch);
  const when = [epoch, ...shows(seen.checkpoint)];
  return { name: 'delete imported shard', key: seen.shardId, kind: 'delete', when, proof: [] };
}

/** The last of an undo: another import may begin. */
export function forgetImport(record: Pick<ImportRecord, 'id'>): RowWrite {
  return {
    name: 'forget import',
    key: CLAIM_KEY,
    kind: 'update',
    when: [equal('import_id', record.id), equal('import_state', 'undoing')],
    remove: Object.keys(encodeImport({ ...record, state: 'undoing', from: '', at: 0, shards: 0, parts: 0 })),
    proof: [absent('import_id')],
  };
}
