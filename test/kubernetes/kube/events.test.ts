import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type { StoredObject } from '../../../src/kubernetes/cluster.ts';
import { KubeEventRecorder } from '../../../src/kubernetes/kube/events.ts';
import type { KubeRequest } from '../../../src/kubernetes/kube/transport.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const group = (name: string): StoredObject => ({
  apiVersion: 'kcg.dev/v1alpha1',
  kind: 'KinesisConsumerGroup',
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '7' },
  spec: { stream: { name } },
});

function aRecorder() {
  const clock = new ManualClock();
  const requests: KubeRequest[] = [];
  const recorder = new KubeEventRecorder({
    transport: {
      request: async (request) => {
        requests.push(request);
        return { status: 201, headers: {}, body: {} } as never;
      },
    },
    clock,
    random: seededRandom(1),
    instance: 'kcg-0',
    onDrop: (thrown) => expect.unreachable(String(thrown)),
  });
  const record = (regarding: StoredObject) =>
    recorder.record({ regarding, type: 'Normal', reason: 'Scaled', note: '1 → 2', action: 'Scale' });
  return { clock, requests, recorder, record };
}

describe('the recorder of Events', () => {
  test('counts what comes again within ten minutes up, and begins anew after them', async () => {
    const { clock, requests, record } = aRecorder();
    for (const waitMs of [0, 60_000, 600_000]) {
      await clock.advance(waitMs);
      record(group('orders'));
      await clock.advance(1_000);
    }
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
    expect(requests[1]?.body).toMatchObject({ series: { count: 2 } });
    expect(requests[0]?.body).toMatchObject({ regarding: { name: 'orders', uid: 'uid-orders' } });
  });

  test('keeps nothing of the objects that its Events are about', async () => {
    const { clock, record, recorder } = aRecorder();
    const kept = new Set<string>();
    const registry = new FinalizationRegistry<string>((name) => kept.delete(name));
    for (let index = 0; index < 20; index += 1) {
      const object = group(`group-${index}`);
      kept.add(object.metadata.name);
      registry.register(object, object.metadata.name);
      record(object);
      await clock.advance(1_000);
    }
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    for (let tries = 0; tries < 100 && kept.size > 1; tries += 1) {
      collectGarbage();
      await new Promise(setImmediate);
    }
    // The last one may still be in a register.
    expect(kept.size).toBeLessThanOrEqual(1);
    record(group('another'));
    await recorder.close(0);
  });
});
