import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { loadKubeAccess } from '../../../src/kubernetes/kube/config.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { OperatorProcess, type Site } from '../../operator/operator-process.ts';
import { ProcessKubelet } from '../../operator/process-kubelet.ts';
import { unlike } from '../end-state.ts';
import { LIFE, type Step } from './life.ts';
import { stateOf } from './state.ts';
import {
  dynamoDbWrite,
  kubernetesWrite,
  startWriteGate,
  type OnWrite,
  type WriteGate,
} from './write-gate.ts';

/** What lives share: an API server and DynamoDB, and a client that asks the latter. */
export interface Place {
  site: Site;
  client: DynamoDBClient;
}

/** Just before a write, or just after its effect and before its answer. */
export type How = 'before' | 'after';
export interface Write {
  /** Of the life, in which it is made. */
  step: string;
  name: string;
}

export interface LifeOptions {
  /** Of this life alone. */
  namespace: string;
  /** Whether the operator dies at this write, and how. */
  dies?: (write: Write) => How | undefined;
  /** What each step is to leave; where none is given, what there is when it is done and nothing moves. */
  wanted?: readonly (readonly string[])[];
  /** A line for whoever waits. */
  tell?: (line: string) => void;
}

export interface Lived {
  /** After each step. */
  states: string[][];
  /** Each once a step. */
  writes: Write[];
  deaths: number;
}

/** How often in a row a state has to be the same, and how far apart that is looked at, ms. */
const LOOKS = 8;
const LOOK_MS = 500;
/** For a step: an operator that dies ten times in it starts as often. */
const STEP_MS = 900_000;

/** Plays the life of a group in a namespace of its own, with an operator that another one follows whenever it dies. */
export async function runLife(place: Place, options: LifeOptions): Promise<Lived> {
  const { namespace, dies = () => undefined, wanted, tell = () => {} } = options;
  const lived: Lived = { states: [], writes: [], deaths: 0 };
  let step = '';
  const onWrite: OnWrite = (name) => {
    const write = { step, name };
    if (!lived.writes.some((each) => isDeepStrictEqual(each, write))) lived.writes.push(write);
    const how = dies(write);
    if (how === undefined) return 'pass';
    lived.deaths += 1;
    tell(`${namespace}, ${step}: killed ${how} ${name}`);
    operators.followUp();
    return how === 'before' ? 'stop' : 'pass';
  };
  const kinesis = await startLocalKinesis({ clock: systemClock });
  kinesis.kinesis.createStream({ name: namespace, shardCount: 2 });
  kinesis.kinesis.faults = (operation) =>
    /^(Register|Deregister)/.test(operation) && onWrite(operation) === 'stop'
      ? new KcgError('Unavailable', 'who asked is dead')
      : undefined;
  const operators = await Operators.open(place, kinesis, namespace, onWrite);
  const kubelet = new ProcessKubelet(place.site.plane.kubeconfig, namespace);
  const { cluster } = place.site;
  const servers = { cluster, dynamodb: place.client, kinesis: kinesis.kinesis };
  try {
    operators.followUp();
    for (const [index, { name, act, isDone }] of LIFE.entries()) {
      step = name;
      tell(`${namespace}: ${name}`);
      await act(servers, namespace);
      const look = () => stateOf(servers, namespace);
      const due = wanted?.[index];
      const isIt = due ? (state: string[]) => isDeepStrictEqual(state, due) : settled(isDone);
      const tellState = (state: string[]) => (due ? unlike(due, state) : state);
      lived.states.push(await stateWhen(name, look, isIt, tellState));
    }
    return lived;
  } finally {
    await operators.close();
    await kubelet.close();
    await kinesis.close();
  }
}

/** The state once it is the one. @throws Error that tells the last one */
async function stateWhen(
  step: string,
  look: () => Promise<string[]>,
  isIt: (state: string[]) => boolean,
  tell: (state: string[]) => string[],
): Promise<string[]> {
  const end = performance.now() + STEP_MS;
  for (;;) {
    const state = await look();
    if (isIt(state)) return state;
    if (performance.now() > end) throw new Error([`${step}: it never came`, ...tell(state)].join('\n'));
    await setTimeout(LOOK_MS);
  }
}

/** Done, and it stands still. */
function settled(isDone: Step['isDone']): (state: string[]) => boolean {
  let last: string[] = [];
  let same = 0;
  return (state) => {
    same = isDone(state) && isDeepStrictEqual(state, last) ? same + 1 : 0;
    last = state;
    return same === LOOKS;
  };
}

/** One operator at a time for one namespace, that calls Kubernetes and DynamoDB through gates. */
class Operators {
  readonly #start: () => OperatorProcess;
  readonly #gates: readonly WriteGate[];
  readonly #folder: string;
  #current: OperatorProcess | undefined;
  readonly #all: OperatorProcess[] = [];

  private constructor(start: () => OperatorProcess, gates: readonly WriteGate[], folder: string) {
    this.#start = start;
    this.#gates = gates;
    this.#folder = folder;
  }

  static async open(
    place: Place,
    kinesis: LocalKinesis,
    namespace: string,
    onWrite: OnWrite,
  ): Promise<Operators> {
    const access = loadKubeAccess({ kubeconfig: place.site.plane.kubeconfig });
    const kubernetes = { url: access.server, ...(await access.credentials({ fresh: false })) };
    const gates = await Promise.all([
      startWriteGate(kubernetes, kubernetesWrite, onWrite),
      startWriteGate({ url: place.site.dynamodb.endpoint }, dynamoDbWrite, onWrite),
    ]);
    const folder = mkdtempSync(join(tmpdir(), 'kcg-life-'));
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigOf(gates[0].url));
    const flags = {
      kubeconfig,
      'watch-namespaces': namespace,
      'worker-image': 'kcg:test',
      'kinesis-endpoint': kinesis.endpoint,
    };
    // Workers get the endpoints that the operator has by its flags: they are to ask the table itself.
    const env = { AWS_ENDPOINT_URL_DYNAMODB: gates[1].url };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    return new Operators(() => new OperatorProcess(args, env), gates, folder);
  }

  /** Kills the one that there is, if any, and starts the next. */
  followUp(): void {
    this.#current?.signal('SIGKILL');
    for (const gate of this.#gates) gate.cut();
    this.#current = this.#start();
    this.#all.push(this.#current);
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((operator) => operator.end('SIGKILL')));
    await Promise.all(this.#gates.map((gate) => gate.close()));
    rmSync(this.#folder, { recursive: true });
  }
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'gate', cluster: { server } }],
    users: [{ name: 'nobody', user: {} }],
    contexts: [{ name: 'gate', context: { cluster: 'gate', user: 'nobody' } }],
    'current-context': 'gate',
  });
}
