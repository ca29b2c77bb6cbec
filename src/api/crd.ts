import { API_VERSION, KIND, NAME_MAX, PLURAL, VERSION } from './group.ts';
import { groupSpec } from './group-spec.ts';
import { groupStatus } from './group-status.ts';
import { DOMAIN } from './labels.ts';
import { VALIDATIONS, type Validation } from './rule.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

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

function schema(): StructuralSchema {
  return {
    type: 'object',
    description:
      'A KinesisConsumerGroup reads a Kinesis stream with workers that share its shards, and keeps their positions in a table.',
    required: ['spec'],
    [VALIDATIONS]: [NAME_RULE],
    properties: {
      apiVersion: { type: 'string', description: `Always ${API_VERSION}.` },
      kind: { type: 'string', description: `Always ${KIND}.` },
      metadata: { type: 'object' },
      spec: {
        ...structuralSchema(groupSpec),
        description: 'What is wanted. The operator never writes here.',
      },
      status: {
        ...structuralSchema(groupStatus),
        description: 'What is. Written by the operator alone.',
        // Of no generation: without any status, helm --wait and the like take a new group for one that is done.
        default: { observedGeneration: -1 },
      },
    },
  };
}

/** The CustomResourceDefinition of KinesisConsumerGroup, as plain data. */
export function groupCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${DOMAIN}` },
    spec: {
      group: DOMAIN,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: ['kcg'],
        categories: ['aws'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: COLUMNS,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.scaling.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          schema: { openAPIV3Schema: schema() },
        },
      ],
    },
  };
}
