import { z } from 'zod';
import { withRules } from './rule.ts';

const replicas = z.int().max(10_000);

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
    minReplicas: replicas.min(0).default(1).describe('Never fewer workers than this while the group runs.'),
    maxReplicas: replicas.min(1).default(100).describe('Never more workers than this.'),
    replicas: replicas
      .min(0)
      .optional()
      .describe('Fixed and External: the number of workers. The scale subresource reads and writes it.'),
    targetLagSeconds: z.int().min(1).max(604_800).optional().describe('Lag: the lag to stay below.'),
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
      cel: "self.mode != 'ShardCount' || !has(self.replicas)",
      holds: ({ mode, replicas }) => mode !== 'ShardCount' || replicas === undefined,
      message:
        'scaling.mode is ShardCount: the operator sets the replicas; remove scaling.replicas, or set scaling.mode to External or Fixed to use kubectl scale',
      path: 'replicas',
    },
    {
      cel: "self.mode != 'Lag' || !has(self.replicas)",
      holds: ({ mode, replicas }) => mode !== 'Lag' || replicas === undefined,
      message:
        'scaling.mode is Lag: the operator sets the replicas; remove scaling.replicas, or set scaling.mode to External or Fixed to use kubectl scale',
      path: 'replicas',
    },
    {
      cel: "!(self.mode in ['Fixed', 'External']) || has(self.replicas)",
      holds: ({ mode, replicas }) => (mode !== 'Fixed' && mode !== 'External') || replicas !== undefined,
      message:
        'scaling.mode Fixed and External need scaling.replicas: the number of workers, or the one to start from',
    },
    {
      cel: "(self.mode == 'Lag') == has(self.targetLagSeconds)",
      holds: ({ mode, targetLagSeconds }) => (mode === 'Lag') === (targetLagSeconds !== undefined),
      message: 'targetLagSeconds belongs to scaling.mode Lag: set it with that mode only',
    },
  ],
);
