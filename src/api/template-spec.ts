import * as z from 'zod';
import { DNS_LABEL, text } from './formats.ts';

/*
 * The pod template. Any field of a pod is kept as it is; typed here is what kcg reads or adds to, so that a value of a
 * wrong type (terminationGracePeriodSeconds: "60s") is refused where it is written, and never taken for unset.
 */

const map = (description: string) =>
  z.record(z.string(), z.string().max(65_536)).optional().meta({ maxProperties: 256 }).describe(description);

/** The API server refuses two of one name as well: the list is a map by name. */
const named = <Shape extends z.ZodRawShape>(shape: Shape, what: string, max: number) =>
  z
    .array(
      z.looseObject({
        name: text(DNS_LABEL, { max: 63, example: 'app' }).describe(`Name of the ${what}.`),
        ...shape,
      }),
    )
    .max(max)
    .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
      error: `two ${what}s have the same name; give one another name`,
    })
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] });

const list = (description: string) => z.array(z.looseObject({})).max(1024).optional().describe(description);

const container = {
  env: list('Environment; what kcg sets itself stays as it is.'),
  ports: list('Ports; kcg adds its own to the container of the worker.'),
  volumeMounts: list('Mounts; kcg adds its own to the container of a module.'),
  terminationMessagePath: z
    .string()
    .max(1024)
    .optional()
    .describe('File in which a container says why it ended; the worker does.'),
  lifecycle: z
    .looseObject({})
    .optional()
    .describe(
      'Hooks; kcg adds a preStop hook to the container of handler.http and handler.lambda that has none.',
    ),
};

export const templateSpec = z.looseObject({
  metadata: z
    .looseObject({
      labels: map('Labels of the pods; those that select them are kcg’s.'),
      annotations: map('Annotations of the pods.'),
    })
    .optional()
    .describe('Labels and annotations of the pods.'),
  spec: z
    .looseObject({
      containers: named(container, 'container', 32).describe('Your containers; kcg adds its own.'),
      initContainers: named(container, 'container', 32).describe(
        'Your init containers and sidecars. One named kcg-install says what the container that copies the runtime should have beside.',
      ),
      volumes: named({}, 'volume', 256).describe('Your volumes; kcg adds its own.'),
      securityContext: z.looseObject({}).optional().describe('Security context of the pods.'),
      terminationGracePeriodSeconds: z
        .int()
        .min(0)
        .max(2 ** 31 - 1)
        .optional()
        .describe('How long pods may take to end; at least leases.handoffTimeoutSeconds + 15.'),
    })
    .optional()
    .describe('Any field of a pod spec.'),
});
