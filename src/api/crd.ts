import type { z } from 'zod';
import { API_VERSION, KIND, PLURAL, VERSION } from './group.ts';
import { groupSpec } from './group-spec.ts';
import { groupStatus } from './group-status.ts';
import { DOMAIN, NAME_MAX } from './labels.ts';
import { RESET_KIND, RESET_PLURAL } from './offset-reset.ts';
import { offsetResetSpec } from './offset-reset-spec.ts';
import { offsetResetStatus } from './offset-reset-status.ts';
import { VALIDATIONS, type Validation } from './rule.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

/** A column of `kubectl get`. */
interface Column {
  name: string;
  type: 'string' | 'integer' | 'date';
  jsonPath: string;
  description: string;
  /** 1: only with -o wide. */
  priority?: 1;
}

const READY = '.status.conditions[?(@.type=="Ready")]';

const COLUMNS: readonly Column[] = [
  // Of name and arn exactly one is set, so the wildcard finds one value.
  { name: 'Stream', type: 'string', jsonPath: '.spec.stream.*', description: 'The stream that is read.' },
  {
    name: 'Shards',
    type: 'string',
    jsonPath: '.status.summary.shards',
    description: 'Shards owned / readable.',
  },
  { name: 'Pods', type: 'string', jsonPath: '.status.summary.pods', description: 'Pods ready / wanted.' },
  {
    name: 'Lag',
    type: 'string',
    jsonPath: '.status.summary.lag',
    description: 'Lag of the shard most behind.',
  },
  {
    name: 'Ready',
    type: 'string',
    jsonPath: `${READY}.status`,
    description: 'Whether the group does its work.',
  },
  { name: 'Reason', type: 'string', jsonPath: `${READY}.reason`, description: 'Why.' },
  {
    name: 'State',
    type: 'string',
    jsonPath: '.spec.desiredState',
    description: 'What was asked for.',
    priority: 1,
  },
  { name: 'GroupId', type: 'string', jsonPath: '.status.groupId', description: 'The group id.', priority: 1 },
  { name: 'Table', type: 'string', jsonPath: '.status.table.name', description: 'The table.', priority: 1 },
  {
    name: 'Headroom',
    type: 'integer',
    jsonPath: '.status.lag.retentionHeadroomPercent',
    description: 'Percent of the retention left before records are lost.',
    priority: 1,
  },
  {
    name: 'Desired',
    type: 'integer',
    jsonPath: '.status.scaling.desired',
    description: 'Workers wanted.',
    priority: 1,
  },
  {
    name: 'Age',
    type: 'date',
    jsonPath: '.metadata.creationTimestamp',
    description: 'Since when the group exists.',
  },
];

const NAME_RULE: Validation = {
  rule: `size(self.metadata.name) <= ${NAME_MAX}`,
  message: `metadata.name has more than ${NAME_MAX} characters; choose a shorter name: it becomes the value of a label`,
};

const RESET_COLUMNS: readonly Column[] = [
  { name: 'Group', type: 'string', jsonPath: '.spec.group', description: 'The group.' },
  { name: 'To', type: 'string', jsonPath: '.status.target', description: 'Where to.' },
  {
    name: 'Complete',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Complete")].status',
    description: 'Whether it is done.',
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Complete")].reason',
    description: 'How it stands.',
  },
  { name: 'Moved', type: 'integer', jsonPath: '.status.moved', description: 'Shards that moved.' },
  {
    name: 'Snapshot',
    type: 'string',
    jsonPath: '.status.snapshot.id',
    description: 'Where the positions before are kept.',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Complete")].message',
    description: 'How it stands, in words.',
    priority: 1,
  },
  {
    name: 'Age',
    type: 'date',
    jsonPath: '.metadata.creationTimestamp',
    description: 'Since when the reset exists.',
  },
];

interface Kind {
  kind: string;
  plural: string;
  shortName: string;
  description: string;
  spec: z.ZodType;
  status: z.ZodType;
  rules: readonly Validation[];
  columns: readonly Column[];
  scale?: Record<string, string>;
}

const GROUP: Kind = {
  kind: KIND,
  plural: PLURAL,
  shortName: 'kcg',
  description:
    'A KinesisConsumerGroup reads a Kinesis stream with workers that share its shards, and keeps their positions in a table.',
  spec: groupSpec,
  status: groupStatus,
  rules: [NAME_RULE],
  columns: COLUMNS,
  scale: {
    specReplicasPath: '.spec.scaling.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  },
};

const RESET: Kind = {
  kind: RESET_KIND,
  plural: RESET_PLURAL,
  shortName: 'kcgreset',
  description: 'A KinesisOffsetReset moves the positions of a KinesisConsumerGroup, once.',
  spec: offsetResetSpec,
  status: offsetResetStatus,
  rules: [],
  columns: RESET_COLUMNS,
};

function schema({ kind, description, spec, status, rules }: Kind): StructuralSchema {
  return {
    type: 'object',
    description,
    required: ['spec'],
    ...(rules.length > 0 ? { [VALIDATIONS]: rules } : {}),
    properties: {
      apiVersion: { type: 'string', description: `Always ${API_VERSION}.` },
      kind: { type: 'string', description: `Always ${kind}.` },
      metadata: { type: 'object' },
      spec: {
        ...structuralSchema(spec),
        description: 'What is wanted. The operator never writes here.',
      },
      status: {
        ...structuralSchema(status),
        description: 'What is. Written by the operator alone.',
        // Of no generation: without any status, helm --wait and the like take a new object for one that is done.
        default: { observedGeneration: -1 },
      },
    },
  };
}

/** The CustomResourceDefinition of KinesisConsumerGroup, as plain data. */
export const groupCrd = () => crdOf(GROUP);

/** And that of KinesisOffsetReset. */
export const offsetResetCrd = () => crdOf(RESET);

function crdOf(definition: Kind) {
  const { kind, plural, shortName, columns, scale } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${DOMAIN}` },
    spec: {
      group: DOMAIN,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['aws'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          subresources: { status: {}, ...(scale ? { scale } : {}) },
          schema: { openAPIV3Schema: schema(definition) },
        },
      ],
    },
  };
}
