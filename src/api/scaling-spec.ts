import * as z from 'zod';
import { schedulesSpec } from './schedule-spec.ts';
import { withRules, type UpdateRule } from './rule.ts';

const replicas = z.int().max(10_000);

/** What a group starts with whose number of workers others set; as a Deployment does. */
export const DEFAULT_REPLICAS = 1;

export const scalingSpec = withRules(
  z.strictObject({
    mode: z
      .enum(['ShardCount', 'Lag', 'Fixed', 'External'])
      .default('ShardCount')
      .describe(
        'Who sets the number of workers. ShardCount: the operator, from the shards. Lag: the operator, from the lag. Fixed: replicas. External: an autoscaler or kubectl scale, through the scale subresource.',
      ),
    shardsPerWorker: z
      .int()
      .min(1)
      .max(1000)
      .default(1)
      .describe('ShardCount: how many shards one worker takes.'),
    minReplicas: replicas
      .min(0)
      .default(1)
      .describe(
        'Never fewer workers than this while the group runs. 0 with Lag: none while no record waits, which the operator then looks for itself.',
      ),
    maxReplicas: replicas.min(1).default(100).describe('Never more workers than this.'),
    replicas: replicas
      .min(0)
      // The scale subresource answers nobody while it is unset; a manifest without it leaves it to the autoscaler.
      .default(DEFAULT_REPLICAS)
      .describe(
        'Fixed and External: the number of workers; the others take no notice. The scale subresource reads and writes it: with External leave it out of the manifest, and no apply sets it back.',
      ),
    targetLagSeconds: z
      .int()
      .min(1)
      .max(604_800)
      .optional()
      .describe(
        'The lag to stay below. Lag: sets the number of workers. Other modes: status.scaling.recommended says how many workers Lag would run, and nothing is changed.',
      ),
    schedules: schedulesSpec,
    scaleDown: z
      .strictObject({
        stabilizationSeconds: z
          .int()
          .min(0)
          .max(3600)
          .default(300)
          .describe('How long fewer workers have to be enough before any is stopped.'),
      })
      .prefault({})
      .describe('How the number of workers goes down; it goes up at once.'),
  }),
  [
    {
      cel: 'self.minReplicas <= self.maxReplicas',
      holds: ({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas,
      message: 'minReplicas is greater than maxReplicas; lower it or raise maxReplicas',
      path: 'minReplicas',
    },
    {
      cel: "self.mode != 'Lag' || has(self.targetLagSeconds)",
      holds: ({ mode, targetLagSeconds }) => mode !== 'Lag' || targetLagSeconds !== undefined,
      message: 'scaling.mode Lag needs targetLagSeconds, the lag to stay below; set it',
    },
  ],
  [operatorSets('ShardCount'), operatorSets('Lag')],
);

/** A change of mode may leave what an autoscaler wrote before. */
function operatorSets(mode: string): UpdateRule {
  return {
    cel: `self.mode != '${mode}' || oldSelf.mode != self.mode || self.replicas == oldSelf.replicas`,
    message: `scaling.mode is ${mode}: the operator sets the number of workers; to set it yourself, change two fields in one step: scaling.mode to External and scaling.replicas to the number. From then on kubectl scale works`,
    path: 'replicas',
  };
}
