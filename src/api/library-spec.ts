import * as z from 'zod';
import { GROUP_ID, text } from './formats.ts';
import { groupSpec } from './group-spec.ts';
import { handlerSpec } from './handler-spec.ts';
import { problemsOf } from './problems.ts';
import { withRules } from './rule.ts';
import { isRegionOfStream, streamSpec } from './stream-spec.ts';
import { TABLE_SETTINGS, tableSpec } from './table-spec.ts';

const { region, endpoints, initialPosition, consumer, leases, checkpoints } = groupSpec.shape;
const { billing, tags, deletionProtection, pointInTimeRecovery, encryption, tableClass } = tableSpec.shape;
const { name: tableName } = tableSpec.shape;

/**
 * The options of a worker in a program of its own: the fields of a group's spec, with the same defaults, bounds and messages.
 * `handler` is code, and what is beside it in a spec stands by itself.
 */
const librarySpec = withRules(
  z.strictObject({
    groupId: text(GROUP_ID, { max: 128, example: 'shop.orders' }),
    stream: streamSpec,
    region,
    endpoints,
    initialPosition,
    consumer,
    checkpoints: z.strictObject({ intervalSeconds: checkpoints.unwrap().shape.intervalSeconds }).prefault({}),
    table: z
      .strictObject({
        name: tableName,
        create: z.boolean().default(false),
        billing,
        tags,
        deletionProtection,
        pointInTimeRecovery,
        encryption,
        tableClass,
      })
      .prefault({}),
    leases,
    batchSize: handlerSpec.shape.batchSize,
    batchWindowSeconds: handlerSpec.shape.batchWindowSeconds,
    format: handlerSpec.shape.format,
    compression: handlerSpec.shape.compression,
    filters: handlerSpec.shape.filters,
    parallelizationFactor: handlerSpec.shape.parallelizationFactor,
    timeoutSeconds: handlerSpec.shape.timeoutSeconds,
    retry: handlerSpec.shape.retry,
    onFailure: handlerSpec.shape.onFailure,
    name: text(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, { max: 200, example: 'orders-1' }).optional(),
    listen: z
      .strictObject({
        host: z.string().min(1).max(255).default('127.0.0.1'),
        port: z.int().min(0).max(65_535).default(0),
      })
      .optional(),
    handler: z
      .custom<unknown>((value) => typeof value === 'function', {
        error: 'has to be a function that takes a batch, or a class with process',
      })
      .optional(),
    credentials: z
      .custom<unknown>((value) => typeof value === 'function', {
        error: 'has to be a function that resolves to keys of AWS, as a provider of the AWS SDK',
      })
      .optional(),
    log: z.custom<unknown>().optional(),
  }),
  [
    {
      cel: '',
      holds: isRegionOfStream,
      message: 'region is not the region in stream.arn; remove region or make them equal',
      path: 'region',
    },
    {
      cel: '',
      holds: ({ table }) => table.create || TABLE_SETTINGS.every((setting) => table[setting] === undefined),
      message:
        'these are settings of a table that is created: set create, or leave them out; an existing table is not changed',
      path: 'table',
    },
  ],
);

/** Valid, defaults applied. */
export type LibrarySpec = z.output<typeof librarySpec>;

/** Each problem is one line, as for a group: the path, what is wrong, what to write instead. */
export function parseLibraryOptions(
  input: unknown,
): { outcome: 'ok'; spec: LibrarySpec } | { outcome: 'refused'; problems: string[] } {
  const parsed = librarySpec.safeParse(input);
  if (parsed.success) return { outcome: 'ok', spec: parsed.data };
  return { outcome: 'refused', problems: problemsOf(librarySpec, input, parsed.error.issues) };
}
