/** Why TableReady is what it is; each with its meaning and what to do. */
export const TABLE_REASONS = {
  TableActive: 'The table exists and is as the spec wants it; nothing to do.',
  TableUnknown: 'The table has not been looked at yet; wait a moment.',
  TableCreating: 'The table is being created; wait a moment.',
  TableUpdating: 'DynamoDB is changing the table as asked; workers go on meanwhile.',
  TableSettingsHeld:
    'The table works, and another group, or another resource with this group id, holds its settings, which differ from what this group asks for; the message says which, and names each field. Set them there, or leave them out here.',
  TableChangeRefused:
    'The table works, but a setting could not be changed; the message names it and what to do. It is tried again.',
  TableNotFound:
    'The table is External and does not exist; create it with the keys group_id and shard_id, or set management to Managed.',
  TableGone:
    'The table was deleted, and the positions with it; restore it from a backup, or delete the group and apply it again to begin anew.',
  TableNotAdopted:
    'The table exists and kcg did not create it; set checkpoints.table.adoption to Always to use it, or apply the group anew with another table name.',
  TableSchemaMismatch:
    'The keys of the table do not fit; apply the group anew with another table name, or create the table with the keys group_id and shard_id.',
  TableAccessDenied:
    'The operator may not describe, create or change the table; give its role the DynamoDB actions the message names.',
  TableReplicated:
    'The table is a global table, on which leases are not safe; nothing of it is changed. Remove its replicas, or apply the group anew with another table name.',
  TableLimitReached:
    'The namespace has as many tables made by kcg as its annotation kcg.dev/max-tables allows, so none is made; use a table that is there (checkpoints.table.name of a new group), delete a group, or have the limit raised.',
  TableKeyInaccessible:
    'The KMS key of the table is disabled or may not be used; enable the key or grant its use.',
  TableCredentials:
    'The operator has no credentials that AWS accepts, so it was not asked; give its ServiceAccount a role (docs/install.md, IAM), or correct the keys. Workers have their own and go on.',
  TableUnreachable:
    'DynamoDB did not answer; check the network, spec.endpoints.dynamodb and the operator log.',
  TableLimited:
    'DynamoDB refused the change for now (a quota, or a setting changed too recently); it is tried again.',
} as const;
