import * as z from 'zod';

export const disruptionBudgetSpec = z.strictObject({
  management: z
    .enum(['Managed', 'External'])
    .default('Managed')
    .describe(
      'Managed: the operator keeps a PodDisruptionBudget <group>-worker: a quarter of the pods may be evicted at a time, and pods that are not ready always. External: it makes none and removes its own, for a budget of yours: a pod that two of them select cannot be evicted at all.',
    ),
});
