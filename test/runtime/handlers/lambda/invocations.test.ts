import { describe, expect, it } from 'vitest';
import { Invocations } from '../../../../src/runtime/handlers/lambda/invocations.ts';

/** One client on connection 1 unless said otherwise. */
function ask(call: number, connection = 1, closesItself = false) {
  return { call, connection, closesItself };
}

describe('who gets what', () => {
  it('gives invocations to calls in the order in which both came', () => {
    const machine = new Invocations();
    machine.queue('a');
    machine.queue('b');
    expect(machine.pair()).toEqual([]);
    machine.ask(ask(1));
    machine.ask(ask(2, 2));
    machine.ask(ask(3, 3));
    expect(machine.pair()).toEqual([
      { call: 1, invocation: 'a' },
      { call: 2, invocation: 'b' },
    ]);
    machine.queue('c');
    expect(machine.pair()).toEqual([{ call: 3, invocation: 'c' }]);
  });

  it('gives an invocation once, until it is answered or given up', () => {
    const machine = new Invocations();
    machine.queue('a');
    machine.ask(ask(1));
    machine.pair();
    machine.ask(ask(2, 2));
    expect(machine.pair()).toEqual([]);
    expect(machine.answered('a')).toBe(true);
    expect(machine).toMatchObject({ waiting: 0, asking: 1, inFlight: 0 });
  });

  it('forgets answers that are double, late, or of nobody', () => {
    const machine = new Invocations();
    for (const id of ['a', 'b']) machine.queue(id);
    machine.ask(ask(1));
    machine.ask(ask(2));
    machine.pair();
    expect(machine.answered('a')).toBe(true);
    expect(machine.answered('a')).toBe(false);
    expect(machine.giveUp('b')).toBe('begun');
    expect(machine.answered('b')).toBe(false);
    expect(machine.answered('nobody')).toBe(false);
  });

  it('takes back what nobody has begun', () => {
    const machine = new Invocations();
    machine.queue('a');
    expect(machine.giveUp('a')).toBe('waiting');
    expect(machine.giveUp('a')).toBe('unknown');
    machine.ask(ask(1));
    expect(machine.pair()).toEqual([]);
  });

  it('counts what a client that asks ahead has, and holds it to the bound that is set', () => {
    const free = new Invocations();
    const bound = new Invocations(2);
    for (const machine of [free, bound]) {
      for (let call = 1; call <= 20; call += 1) machine.ask(ask(call));
      for (let id = 1; id <= 20; id += 1) machine.queue(String(id));
      machine.pair();
    }
    expect(free.inFlight).toBe(20);
    expect(bound.inFlight).toBe(2);
    bound.answered('1');
    expect(bound.pair()).toEqual([{ call: 3, invocation: '3' }]);
  });
});

describe('a client that is gone', () => {
  it('gives nothing to a call whose connection is closed', () => {
    const machine = new Invocations();
    machine.ask(ask(1, 1));
    machine.ask(ask(2, 2));
    machine.closed(1);
    machine.queue('a');
    expect(machine.pair()).toEqual([{ call: 2, invocation: 'a' }]);
  });

  it('gives the next one what was not sent whole, before all that waits', () => {
    const machine = new Invocations();
    for (const id of ['a', 'b']) machine.queue(id);
    machine.ask(ask(1));
    machine.pair();
    machine.closed(1);
    machine.undelivered('a');
    machine.ask(ask(2, 2));
    expect(machine.pair()).toEqual([{ call: 2, invocation: 'a' }]);
  });

  it('loses its invocation when it asks anew after its connection was closed', () => {
    const machine = new Invocations();
    machine.queue('a');
    machine.ask(ask(1, 1));
    machine.pair();
    machine.closed(1);
    expect(machine.inFlight).toBe(1);
    expect(machine.ask(ask(2, 2))).toBe('a');
    expect(machine.inFlight).toBe(0);
  });

  it('loses it as well when all it says is that it cannot begin', () => {
    const machine = new Invocations();
    machine.queue('a');
    machine.ask(ask(1, 1));
    machine.pair();
    expect(machine.beginsAnew()).toBeUndefined();
    machine.closed(1);
    expect(machine.beginsAnew()).toBe('a');
  });

  it.each([
    ['its connection is open', (machine: Invocations) => void machine],
    ['another asks at the same time', (machine: Invocations) => (machine.ask(ask(9, 9)), machine.closed(1))],
  ])('keeps its invocation when %s', (_, happens) => {
    const machine = new Invocations();
    machine.queue('a');
    machine.ask(ask(1, 1));
    machine.pair();
    happens(machine);
    expect(machine.ask(ask(2, 2))).toBeUndefined();
    expect(machine.inFlight).toBe(1);
  });

  it('keeps the invocation of a call that closes its connection by itself', () => {
    const machine = new Invocations();
    machine.queue('a');
    machine.ask(ask(1, 1, true));
    machine.pair();
    machine.closed(1);
    expect(machine.ask(ask(2, 2))).toBeUndefined();
  });

  it('holds nothing lost once several have been seen', () => {
    const machine = new Invocations();
    machine.ask(ask(1, 1));
    machine.ask(ask(2, 2));
    machine.closed(2);
    machine.queue('a');
    machine.pair();
    machine.closed(1);
    expect(machine.ask(ask(3, 3))).toBeUndefined();
  });

  it('holds nothing lost any more once something lost was answered', () => {
    const machine = new Invocations();
    const lose = (id: string, call: number) => {
      machine.queue(id);
      machine.ask(ask(call, call));
      machine.pair();
      machine.closed(call);
    };
    lose('a', 1);
    expect(machine.ask(ask(2, 2))).toBe('a');
    expect(machine.answered('a')).toBe(false);
    machine.queue('b');
    machine.pair();
    machine.closed(2);
    expect(machine.ask(ask(3, 3))).toBeUndefined();
  });
});
