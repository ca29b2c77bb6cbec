import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { goPrograms } from '../../support/peer-programs.ts';

/*
 * The libraries by which Helm and kpt (kstatus of cli-utils), Flux (its own kstatus and server-side apply) and Argo CD
 * (gitops-engine, and its Lua) decide, in a program beside.
 */

export interface Verdict {
  status: string;
  message: string;
}
export interface Verdicts {
  kstatus: Verdict;
  flux: Verdict;
  /** None = Argo CD has no opinion of the kind. */
  argo?: Verdict;
}

const KEY = 'resource.customizations';

/** What deploy/argocd gives to Argo CD: `health` by kind. */
export function argoCustomization(): { health: Map<string, string>; actions: ArgoActions } {
  const { data } = parse(readFileSync('deploy/argocd/argocd-cm.yaml', 'utf8')) as {
    data: Record<string, string>;
  };
  const scripts = Object.entries(data).flatMap(([key, script]) => {
    const [, kind] = /\.health\.kcg\.dev_(\w+)$/.exec(key) ?? [];
    return kind === undefined ? [] : [[kind, script] as const];
  });
  const actions = parse(data[`${KEY}.actions.kcg.dev_KinesisConsumerGroup`]!) as ArgoActions;
  return { health: new Map(scripts), actions };
}

export interface ArgoActions {
  'discovery.lua': string;
  definitions: { name: string; 'action.lua': string }[];
}

export class Judges {
  readonly #child;
  readonly #answers: AsyncIterator<string>;
  readonly #kubeconfig: string;
  readonly #health = argoCustomization().health;

  private constructor(program: string, kubeconfig: string) {
    this.#child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#kubeconfig = kubeconfig;
  }

  /** @param kubeconfig of the cluster that `argo apply`, `argo diff` and `flux apply` are about */
  static async call(kubeconfig = ''): Promise<Judges> {
    const programs = await goPrograms(join(import.meta.dirname, 'judges'));
    return new Judges(join(programs, 'judges'), kubeconfig);
  }

  close(): void {
    this.#child.stdin.end();
  }

  /** How they find an object; `health`: Argo CD's script for the kind, none = '' */
  async judge(object: { kind: string }, health = this.#health.get(object.kind) ?? ''): Promise<Verdicts> {
    return this.#ask<Verdicts>({ do: 'judge', object, lua: health });
  }

  /** What a script of Argo CD makes of an object. */
  async lua(object: object, lua: string): Promise<Record<string, unknown>> {
    return this.#ask({ do: 'lua', object, lua });
  }

  /** Argo CD's sync, with or without ServerSideApply=true. */
  async argoApply(object: object, serverSide: boolean): Promise<void> {
    await this.#ask({ do: 'argo apply', object, serverSide });
  }

  /** `synced`, or what differs, by each way Argo CD has to find out. */
  async argoDiff(object: object, serverSide: boolean): Promise<Record<string, unknown>> {
    return this.#ask({ do: 'argo diff', object, serverSide });
  }

  /** Flux's apply, and whether it would find drift right after. */
  async fluxApply(object: object): Promise<{ applied: string; drift: string }> {
    return this.#ask({ do: 'flux apply', object });
  }

  /** One question at a time. @throws Error with what the library says */
  async #ask<T>(question: { do: string; object: object; [field: string]: unknown }): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify({ ...question, kubeconfig: this.#kubeconfig })}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('the judges have ended');
    const answer = JSON.parse(value) as T | { error: string };
    if (typeof answer === 'object' && answer && 'error' in answer) throw new Error(answer.error);
    return answer;
  }
}
