import { hasCode } from '../../lib/errors.ts';
import type { StreamConsumers } from '../stream-consumers.ts';
import { streamArnOf } from './subscription.ts';
import type { MemoryKinesis } from './stream.ts';

/** The port over the memory twin. */
export function memoryStreamConsumers(kinesis: MemoryKinesis): StreamConsumers {
  const now = () => kinesis.clock.now();
  const consumersOf = (streamArn: string) => kinesis.stream(kinesis.nameOf(streamArn)).consumers;
  return {
    find: (streamArn, name, { signal } = {}) =>
      kinesis.call('DescribeStreamConsumer', undefined, signal, () =>
        consumersOf(streamArn)
          .list(now())
          .find((consumer) => consumer.name === name),
      ),
    register: (streamArn, name, { signal } = {}) =>
      kinesis.call('RegisterStreamConsumer', undefined, signal, () =>
        consumersOf(streamArn).register(name, now()),
      ),
    deregister: (consumerArn, { signal } = {}) =>
      kinesis.call('DeregisterStreamConsumer', undefined, signal, () => {
        try {
          consumersOf(streamArnOf(consumerArn) ?? '').deregister(consumerArn, now());
        } catch (thrown) {
          if (!hasCode(thrown, 'NotFound')) throw thrown;
        }
      }),
    close: () => {},
  };
}
