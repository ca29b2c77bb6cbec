import { describe, expect, test } from 'vitest';
import {
  doneLine,
  keptBy,
  requireChosen,
  rolloutWaitsFor,
  stateChange,
  waitsFor,
} from '../../src/cli/act.ts';
import { anObject, READY } from '../support/a-picture.ts';

describe('a command that changes groups', () => {
  const none = { selector: undefined, all: false };

  test('wants to be told which, in one way', () => {
    expect(() => requireChosen('pause', ['orders'], none)).not.toThrow();
    expect(() => requireChosen('pause', [], { ...none, selector: 'team=a' })).not.toThrow();
    expect(() => requireChosen('pause', [], { ...none, all: true })).not.toThrow();
    expect(() => requireChosen('pause', [], none)).toThrow('pause needs to know which group');
    expect(() => requireChosen('pause', ['orders'], { ...none, all: true })).toThrow('one of them');
  });

  test('says what it did as kubectl does', () => {
    expect(doneLine('orders', 'paused', 'none')).toBe('kinesisconsumergroup.kcg.dev/orders paused');
    expect(doneLine('orders', 'paused', 'client')).toBe(
      'kinesisconsumergroup.kcg.dev/orders paused (dry run)',
    );
    expect(doneLine('orders', 'paused', 'server')).toMatch(/ \(server dry run\)$/);
  });

  test.each([
    [
      'Argo CD (application shop)',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop:kcg.dev/X:shop/orders' } },
    ],
    ['Argo CD (application shop)', { labels: { 'argocd.argoproj.io/instance': 'shop' } }],
    ['Flux (apps)', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps' } }],
    ['Helm (release shop, with its next upgrade)', { annotations: { 'meta.helm.sh/release-name': 'shop' } }],
    [undefined, {}],
  ])('names who would set it back: %s', (keeper, metadata) => {
    const object = anObject();
    expect(keptBy({ metadata: { ...object.metadata, ...metadata } })).toBe(keeper);
  });

  test('pauses and resumes, and leaves a shadow one', () => {
    const group = (desiredState: string, resume?: string) => {
      const { metadata, spec } = anObject(undefined, { desiredState });
      const annotations = resume === undefined ? {} : { 'kcg.dev/resume': resume };
      return { metadata: { ...metadata, annotations }, spec };
    };
    const change = (desiredState: string, annotation: object = {}) => ({
      metadata: { annotations: annotation },
      spec: { desiredState },
    });
    const shadow = { 'kcg.dev/resume': 'Shadow' };
    const live = { 'kcg.dev/resume': null };
    expect(stateChange('pause', group('Running')).patch).toEqual(change('Paused'));
    expect(stateChange('pause', group('Running', 'Shadow')).patch).toEqual(change('Paused', live));
    expect(stateChange('resume', group('Paused')).patch).toEqual(change('Running'));
    expect(stateChange('pause', group('Shadow')).patch).toEqual(change('Paused', shadow));
    expect(stateChange('stop', group('Paused', 'Shadow')).patch).toEqual(change('Stopped'));
    expect(stateChange('resume', group('Stopped', 'Shadow'))).toEqual({
      state: 'Shadow',
      done: 'resumed as Shadow',
      patch: change('Shadow', live),
    });
    for (const state of ['Running', 'Shadow'])
      expect(stateChange('resume', group(state))).toMatchObject({ done: `is ${state} already` });
  });

  test('waits until the operator has looked and the group is as asked', () => {
    const said = (reason: string, status = 'False', observedGeneration = 1) =>
      anObject({ observedGeneration, conditions: [{ ...READY[0], status, reason, message: 'm' }] });
    expect(waitsFor(said('Paused', 'False', 0), 'Paused')).toBe('the operator has not looked at it yet');
    expect(waitsFor(said('Progressing'), 'Paused')).toBe('Progressing: m');
    expect(waitsFor(said('Paused'), 'Paused')).toBeUndefined();
    expect(waitsFor(said('Paused'), 'Running')).toBe('Paused: m');
    expect(waitsFor(said('Available', 'True'), 'Running')).toBeUndefined();
    expect(waitsFor(said('Shadow', 'True'), 'Shadow')).toBeUndefined();
  });

  test('waits until all pods are new, ready and alone', () => {
    const deployment = (status: object) => ({ ...anObject(status), spec: { replicas: 2 } });
    const done = { observedGeneration: 1, updatedReplicas: 2, replicas: 2, readyReplicas: 2 };
    expect(rolloutWaitsFor(deployment(done))).toBeUndefined();
    expect(rolloutWaitsFor(deployment({ ...done, observedGeneration: 0 }))).toContain('not been looked at');
    expect(rolloutWaitsFor(deployment({ ...done, updatedReplicas: 1 }))).toBe('1 of 2 pods are new');
    expect(rolloutWaitsFor(deployment({ ...done, replicas: 3 }))).toBe('still to go: 1 old pod');
    expect(rolloutWaitsFor(deployment({ ...done, readyReplicas: 1 }))).toBe('1 of 2 pods are ready');
  });
});
