/* Between the benchmark and the process with AWS and the stand-ins. */

export interface WorldOptions {
  kubeconfig: string;
  streams: number;
  /** Of each stream. */
  shards: number;
}

export interface Ask {
  id: number;
  ask: 'calls';
}

export interface Told {
  calls: Record<string, number>;
}

/** The first message. */
export interface Endpoints {
  kinesis: string;
  dynamodb: string;
}
