import type { CallOptions, StreamConsumer } from './stream-client.ts';

/**
 * The registered consumers of streams, which are named by their ARNs. Every method throws `KcgError`, as `StreamClient`
 * does; `Unsupported` where the endpoint knows no consumers.
 */
export interface StreamConsumers {
  /** Undefined when the stream has none of that name; @throws KcgError `NotFound` without the stream. */
  find(streamArn: string, name: string, options?: CallOptions): Promise<StreamConsumer | undefined>;
  /** @throws KcgError `Conflict` when there is one, `LimitExceeded` when the stream has no room for another. */
  register(streamArn: string, name: string, options?: CallOptions): Promise<StreamConsumer>;
  /** Also when it is gone already. */
  deregister(consumerArn: string, options?: CallOptions): Promise<void>;
  close(): void;
}
