/** Of the calls of a Lambda function: what is counted, since the beginning or now. */
export interface FunctionCounts {
  /** Batches that wait for a client. */
  waiting: number;
  /** Calls of `next` that wait for a batch. */
  asking: number;
  inFlight: number;
  /** Not answered in time, or abandoned with their shard. */
  abandoned: number;
  lost: number;
  /** Late, double and foreign answers. */
  forgotten: number;
}
