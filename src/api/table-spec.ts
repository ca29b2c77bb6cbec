import * as z from 'zod';
import { KMS_KEY_ARN, TABLE_NAME, TAG_TEXT, text } from './formats.ts';
import { withRules } from './rule.ts';

const capacity = z.int().min(1).max(1_000_000);

/** What DynamoDB's own API has: -1 takes a ceiling away. */
const ceiling = z.int().min(-1).max(1_000_000);

const billing = withRules(
  z.strictObject({
    mode: z
      .enum(['OnDemand', 'Provisioned'])
      .describe('OnDemand: pay per request, nothing to size. Provisioned: a fixed capacity, given below.'),
    readCapacityUnits: capacity.optional().describe('Provisioned only: read capacity units.'),
    writeCapacityUnits: capacity.optional().describe('Provisioned only: write capacity units.'),
    maxReadRequestUnits: ceiling
      .optional()
      .describe('OnDemand only: read request units a second at most; -1 = no ceiling. Unset: left alone.'),
    maxWriteRequestUnits: ceiling
      .optional()
      .describe('OnDemand only: write request units a second at most; -1 = no ceiling. Unset: left alone.'),
  }),
  [
    {
      cel: "(self.mode == 'Provisioned') == (has(self.readCapacityUnits) && has(self.writeCapacityUnits)) && (self.mode == 'Provisioned' || (!has(self.readCapacityUnits) && !has(self.writeCapacityUnits)))",
      holds: ({ mode, readCapacityUnits: read, writeCapacityUnits: write }) =>
        mode === 'Provisioned'
          ? read !== undefined && write !== undefined
          : read === undefined && write === undefined,
      message:
        'readCapacityUnits and writeCapacityUnits belong to mode Provisioned: set both with it and none with OnDemand',
    },
    {
      cel: "self.mode == 'OnDemand' || (!has(self.maxReadRequestUnits) && !has(self.maxWriteRequestUnits))",
      holds: ({ mode, maxReadRequestUnits: read, maxWriteRequestUnits: write }) =>
        mode === 'OnDemand' || (read === undefined && write === undefined),
      message:
        'maxReadRequestUnits and maxWriteRequestUnits belong to mode OnDemand: with Provisioned the capacity is the ceiling',
    },
    {
      cel: '(!has(self.maxReadRequestUnits) || self.maxReadRequestUnits != 0) && (!has(self.maxWriteRequestUnits) || self.maxWriteRequestUnits != 0)',
      holds: ({ maxReadRequestUnits: read, maxWriteRequestUnits: write }) => read !== 0 && write !== 0,
      message:
        'a ceiling of 0 lets nobody in: set maxReadRequestUnits and maxWriteRequestUnits to 1 or more, or to -1 for none',
    },
  ],
);

const TAG_KEY_MAX = 128;
const tags = withRules(
  z
    .record(
      z.string(),
      z.string().max(256).regex(TAG_TEXT, { error: 'has a character that AWS does not allow in tags' }),
    )
    .refine((map) => Object.keys(map).length <= 40, { error: 'has more than 40 tags' })
    .meta({ maxProperties: 40 }),
  [
    {
      cel: `self.all(key, size(key) >= 1 && size(key) <= ${TAG_KEY_MAX} && key.matches(r'${TAG_TEXT.source}'))`,
      holds: (map) =>
        Object.keys(map).every((key) => key !== '' && key.length <= TAG_KEY_MAX && TAG_TEXT.test(key)),
      message: `a tag key has 1 to ${TAG_KEY_MAX} letters, numbers, spaces and characters of + - = . _ : / @`,
    },
    {
      // AWS reserves its prefix in any casing.
      cel: "self.all(key, !key.matches('^[aA][wW][sS]:') && !key.startsWith('kcg.dev/'))",
      holds: (map) => Object.keys(map).every((key) => !/^aws:/i.test(key) && !key.startsWith('kcg.dev/')),
      message: 'tag keys that start with aws: or kcg.dev/ are set by AWS and by kcg; choose another key',
    },
  ],
);

const encryption = withRules(
  z.strictObject({
    kmsKeyArn: text(KMS_KEY_ARN, {
      max: 512,
      example: 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    })
      .optional()
      .describe('Customer managed KMS key that encrypts the table.'),
    awsKey: z
      .enum(['Owned', 'Managed'])
      .optional()
      .describe("Owned: DynamoDB's own key, at no charge. Managed: the account's key aws/dynamodb."),
  }),
  [
    {
      cel: 'has(self.kmsKeyArn) != has(self.awsKey)',
      holds: ({ kmsKeyArn, awsKey }) => (kmsKeyArn === undefined) !== (awsKey === undefined),
      message: 'set one of kmsKeyArn, for a key of your own, and awsKey',
    },
  ],
);

/** Of a table that kcg makes. */
export const TABLE_SETTINGS = [
  'billing',
  'tags',
  'deletionProtection',
  'pointInTimeRecovery',
  'encryption',
  'tableClass',
] as const;

export type TableSetting = (typeof TABLE_SETTINGS)[number];

export const tableSpec = withRules(
  z.strictObject({
    name: text(TABLE_NAME, { min: 3, max: 255, example: 'kinesis-checkpoints-shop-orders' })
      .optional()
      .describe(
        'DynamoDB table of the leases and checkpoints. Default: kinesis-checkpoints-<groupId, with dots as dashes>. Groups may share a table. Cannot be changed, added or removed later.',
      ),
    management: z
      .enum(['Managed', 'External'])
      .default('Managed')
      .describe(
        'Managed: the operator creates the table and keeps what is set here. External: somebody else does; the operator only uses it.',
      ),
    adoption: z
      .enum(['IfOurs', 'Always', 'Never'])
      .default('IfOurs')
      .describe(
        'What to do when the table exists already. IfOurs: use it when kcg created it. Always: use any table whose keys fit. Never: only use one this group created.',
      ),
    billing: billing
      .optional()
      .describe('How the table is paid. Unset: OnDemand for a new table, an existing one is left alone.'),
    tags: tags
      .optional()
      .describe(
        'Tags to keep on the table, beside those of kcg. Other tags are left alone; a tag removed here is removed there.',
      ),
    deletionProtection: z
      .boolean()
      .optional()
      .describe(
        'Whether DynamoDB refuses to delete the table. Unset: on for a new table unless deletionPolicy is Delete, an existing one is left alone.',
      ),
    pointInTimeRecovery: z
      .boolean()
      .optional()
      .describe(
        'Continuous backups of the table. Unset: off for a new table, an existing one is left alone.',
      ),
    encryption: encryption
      .optional()
      .describe(
        "The key that encrypts the table. Unset: DynamoDB's own for a new table, an existing one is left alone.",
      ),
    tableClass: z
      .enum(['Standard', 'StandardInfrequentAccess'])
      .optional()
      .describe(
        'Storage class of the table. Unset: Standard for a new table, an existing one is left alone.',
      ),
  }),
  [
    {
      cel: `self.management == 'Managed' || !(${TABLE_SETTINGS.map((field) => `has(self.${field})`).join(' || ')})`,
      holds: (table) =>
        table.management === 'Managed' || TABLE_SETTINGS.every((field) => table[field] === undefined),
      message: `management is External, so kcg changes no table setting: remove ${TABLE_SETTINGS.slice(0, -1).join(', ')} and ${TABLE_SETTINGS.at(-1)}, or set management to Managed`,
    },
  ],
  [
    {
      cel: 'has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)',
      message:
        'the table of a group cannot be changed, added or removed: the positions are in it, and workers of the old and the new table would read at once; delete the group and apply it again with the other table',
      path: 'name',
    },
  ],
);

export type TableSpec = z.output<typeof tableSpec>;
