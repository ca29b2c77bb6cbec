/* Between the benchmark and the process with AWS and the stand-ins. */

export interface WorldOptions {
  kubeconfig: string;
  streams: number;
  /** Of each stream. */
  shards: number;
}

export interface Ask {
  id: number;
  /** `fill`: puts so many rows of shards into the rows of a group. */
  ask: 'calls' | 'fill';
  fill?: { groupId: string; table: string; rows: number };
}

export interface Told {
  calls: Record<string, number>;
}

/** The first message. */
export interface Endpoints {
  kinesis: string;
  dynamodb: string;
  /** Takes calls and never answers. */
  away: string;
}
