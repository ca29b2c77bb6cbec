import { mapOf } from '../../../lib/is-map.ts';
import { listOf } from './function-container.ts';

/** All that Kubernetes takes for a quantity: a number, and a suffix or an exponent. */
const QUANTITY = /^\s*[+-]?[\d.]+([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?\s*$/;

/** Resources that are no quantities: the API server refuses the pod for them, and does not say where they are. */
export function quantityProblems(template: Readonly<Record<string, unknown>>): string[] {
  const spec = mapOf(template['spec']);
  return ['initContainers', 'containers'].flatMap((list) =>
    listOf(spec[list]).flatMap(({ resources }, index) =>
      ['limits', 'requests'].flatMap((kind) =>
        Object.entries(mapOf(mapOf(resources)[kind]))
          .filter(([, quantity]) => !isQuantity(quantity))
          .map(
            ([name, quantity]) =>
              `spec.template.spec.${list}[${index}].resources.${kind}.${name}: ${JSON.stringify(quantity)} is no quantity; write for example 512Mi, or 500m of cpu`,
          ),
      ),
    ),
  );
}

function isQuantity(value: unknown): boolean {
  if (typeof value === 'string') return QUANTITY.test(value);
  return typeof value === 'number' || value === null;
}
