import type { OptionTable } from '../lib/options.ts';

/** How a command finds the API server and a namespace in it, in kubectl's words. */
export const clusterOptions = {
  namespace: { type: 'string', short: 'n', description: "namespace to look in; default: the context's" },
  server: {
    type: 'url',
    description: 'URL of an API server that asks for no credentials (kubectl proxy)',
  },
  kubeconfig: { type: 'string', description: 'kubeconfig file; default: KUBECONFIG, then ~/.kube/config' },
  context: { type: 'string', description: 'context of the kubeconfig' },
} as const satisfies OptionTable;
