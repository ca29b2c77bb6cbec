import type { HandlerResult } from '../handlers/handler.ts';

/** What is known of a batch before the handler has it. */
export interface SpanOfBatch {
  shardId: string;
  /** Only where a shard has several. */
  lane?: number;
  records: number;
  attempt: number;
}

/** One handing over of a batch, as traces show it. */
export interface BatchSpan {
  /** What the handler does belongs to it: the value of the header `traceparent` (W3C Trace Context). */
  readonly traceparent: string;
  /** Not called when the handler never got the batch. */
  end(result: HandlerResult): void;
}

/** Never throws, and never waits. */
export interface BatchSpans {
  begin(batch: SpanOfBatch): BatchSpan;
}
