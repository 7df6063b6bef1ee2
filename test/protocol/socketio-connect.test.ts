/** Socket.IO v5: joining namespaces, being refused, leaving, and what the app hears of it. */

import { describe, expect, test } from 'bun:test';
import type { Endpoint } from '../support/raw-polling.ts';
import {
  expectAlive,
  join,
  nextPacket,
  openSession,
  openWire,
  Watcher,
  WIRE_KINDS,
  type WireKind,
} from '../support/raw-socketio.ts';
import { describeOnTargets, expectServing, isReference } from './target.ts';

const CONNECT_TIMEOUT_MS = 1500;
const INVALID_NAMESPACE = { message: 'Invalid namespace' };

describeOnTargets(
  'Socket.IO namespaces',
  (endpoint) => {
    for (const kind of WIRE_KINDS) {
      describe(`over ${kind}`, () => {
        declareJoining(endpoint, kind);
        declareRefusals(endpoint, kind);
        declareLeaving(endpoint, kind);
      });
    }
    // They last as long as the server waits, so they wait together.
    describe.concurrent('the connect timeout', () => {
      for (const kind of WIRE_KINDS) describe(`over ${kind}`, () => declareTimeout(endpoint, kind));
    });
  },
  { connectTimeoutMs: CONNECT_TIMEOUT_MS },
);

function declareJoining(endpoint: Endpoint, kind: WireKind): void {
  test('CONNECT to / answers the id of the session alone', async () => {
    const wire = await openWire(endpoint, kind);
    await wire.send('0');
    const { type, namespace, data, id } = await nextPacket(wire);
    expect({ type, namespace, id }).toEqual({ type: 0, namespace: '/', id: undefined });
    expect(Object.keys(data as object)).toEqual(['sid']);
    expect((data as { sid: unknown }).sid).toBeString();
    expect((await nextPacket(wire)).data).toEqual(['auth', {}]);
    await wire.close();
  });

  test.each([
    ['an auth payload', '/', { token: '123' }],
    ['no auth payload', '/custom', undefined],
    ['a rich auth payload', '/custom', { token: '€"{}[],', nested: { list: [1, null] } }],
  ])('CONNECT with %s to %s', async (_name, namespace, auth) => {
    const wire = await openWire(endpoint, kind);
    await join(wire, namespace, auth);
    await wire.close();
  });

  test('CONNECT may leave out the comma after the namespace', async () => {
    const wire = await openWire(endpoint, kind);
    await wire.send('0/custom');
    expect(await wire.next()).toStartWith('0/custom,{"sid":"');
    expect(await wire.next()).toBe('2/custom,["auth",{}]');
    await wire.close();
  });

  test('the session id is not the secret one of Engine.IO, and differs by namespace', async () => {
    const wire = await openWire(endpoint, kind);
    const ids = [wire.engineSid, await join(wire), await join(wire, '/custom')];
    expect(new Set(ids).size).toBe(3);
    await wire.close();
  });

  test('several namespaces share one connection and stay apart', async () => {
    const { wire } = await openSession(endpoint, kind);
    await join(wire, '/custom');
    await wire.send('2/custom,["message","to custom"]', '2["message","to main"]');
    expect(await wire.next()).toBe('2/custom,["message-back","to custom"]');
    expect(await wire.next()).toBe('2["message-back","to main"]');
    await wire.close();
  });
}

function declareRefusals(endpoint: Endpoint, kind: WireKind): void {
  test.each(['/unknown', '/custom/', '/CUSTOM', '/custom?token=abc', '/__proto__'])(
    'CONNECT to %s, which the app does not have',
    async (namespace) => {
      const wire = await openWire(endpoint, kind);
      await wire.send(`0${namespace},`);
      const packet = await nextPacket(wire);
      expect(packet).toMatchObject({ type: 4, namespace, data: INVALID_NAMESPACE });
      await wire.close();
    },
  );

  test('CONNECT that the app refuses answers its message', async () => {
    const wire = await openWire(endpoint, kind);
    await wire.send('0/refused,{"token":"wrong"}');
    expect(await wire.next()).toBe('4/refused,{"message":"not today"}');
    await wire.close();
  });

  test('a refusal leaves the connection open for other namespaces', async () => {
    const wire = await openWire(endpoint, kind);
    await wire.send('0/refused,');
    expect(await wire.next()).toBe('4/refused,{"message":"not today"}');
    await join(wire);
    await wire.send('0/unknown,');
    expect((await nextPacket(wire)).type).toBe(4);
    await expectAlive(wire);
    await wire.close();
  });

  test('an event to a namespace that refused ends the connection', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('0/refused,');
    expect(await wire.next()).toBe('4/refused,{"message":"not today"}');
    await wire.send('2/refused,["message",1]');
    await wire.ended();
    await expectServing(endpoint);
  });

  test.each(['2["message",1]', '2/custom,["message",1]', '30[1]', '1', '4{"message":"x"}'])(
    '%s before any CONNECT ends the connection',
    async (packet) => {
      const wire = await openWire(endpoint, kind);
      await wire.send(packet);
      await wire.ended(CONNECT_TIMEOUT_MS / 2);
      await expectServing(endpoint);
    },
  );

  test('an event to a namespace not joined ends the connection', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2/custom,["message",1]');
    await wire.ended();
    await expectServing(endpoint);
  });

  // The reference lets the client in twice then; Holdfast once, by what was presented last.
  test.each([
    ['with the first', ['0/slow,{"n":1}', '0/slow,{"n":2}'], []],
    ['soon after it', ['0/slow,{"n":1}'], ['0/slow,{"n":2}']],
  ] as const)('a second CONNECT %s, before the answer, is tolerated', async (_n, first, then) => {
    const wire = await openWire(endpoint, kind);
    await wire.send(...first);
    await Bun.sleep(10);
    if (then.length > 0) await wire.send(...then);
    expect(await wire.next()).toStartWith('0/slow,{"sid":"');
    await wire.send('2/slow,["message","in"]');
    const packets: unknown[] = [];
    while (packets.at(-1) !== '2/slow,["message-back","in"]') packets.push(await wire.next());
    if (!isReference) expect(packets[0]).toBe('2/slow,["auth",{"n":2}]');
    await wire.close();
  });

  test('a second CONNECT to the same namespace ends the connection', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('0');
    await wire.ended();
    await expectServing(endpoint);
  });
}

function declareTimeout(endpoint: Endpoint, kind: WireKind): void {
  test('no CONNECT within the connect timeout ends the connection', async () => {
    const wire = await openWire(endpoint, kind);
    const start = performance.now();
    await wire.ended(CONNECT_TIMEOUT_MS + 1000);
    expect(performance.now() - start).toBeGreaterThan(CONNECT_TIMEOUT_MS - 300);
  });

  test('a CONNECT that was refused is none', async () => {
    const wire = await openWire(endpoint, kind);
    await wire.send('0/refused,');
    expect(await wire.next()).toStartWith('4/refused,');
    await wire.ended(CONNECT_TIMEOUT_MS + 1000);
  });

  test('CONNECT in time lifts the connect timeout', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2["tick",24,75]');
    for (let number = 0; number < 24; number += 1) {
      expect(await wire.next()).toBe(`2["number",${number}]`);
    }
    await wire.close();
  });
}

function declareLeaving(endpoint: Endpoint, kind: WireKind): void {
  test.each(['1/custom,', '1/custom'])('%s leaves that namespace alone', async (packet) => {
    const watcher = await Watcher.open(endpoint);
    const { wire } = await openSession(endpoint, kind);
    const sid = await join(wire, '/custom');
    await wire.send(packet);
    await expectAlive(wire);
    expect(await watcher.reason(sid)).toBe('client namespace disconnect');
    await wire.close();
    await watcher.close();
  });

  test('leaving / is heard by the app', async () => {
    const watcher = await Watcher.open(endpoint);
    const { wire, sid } = await openSession(endpoint, kind);
    await wire.send('1');
    expect(await watcher.reason(sid)).toBe('client namespace disconnect');
    await wire.close();
    await watcher.close();
  });

  test('leaving / keeps the connection for other namespaces, and / can be rejoined', async () => {
    const { wire, sid } = await openSession(endpoint, kind);
    await join(wire, '/custom');
    await wire.send('1', '2/custom,["message","still here"]');
    expect(await wire.next()).toBe('2/custom,["message-back","still here"]');
    expect(await join(wire)).not.toBe(sid);
    await expectAlive(wire);
    await wire.close();
  });

  test('the server disconnects a session from its namespace', async () => {
    const watcher = await Watcher.open(endpoint);
    const { wire, sid } = await openSession(endpoint, kind);
    await join(wire, '/custom');
    await wire.send('2["leave-me"]');
    expect(await wire.next()).toBe('1');
    expect(await watcher.reason(sid)).toBe('server namespace disconnect');
    await wire.send('2/custom,["message","still here"]');
    expect(await wire.next()).toBe('2/custom,["message-back","still here"]');
    await wire.send('2/custom,["leave-me"]');
    expect(await wire.next()).toBe('1/custom,');
    await wire.close();
    await watcher.close();
  });

  test('the server closes the connection with all its namespaces', async () => {
    const watcher = await Watcher.open(endpoint);
    const { wire, sid } = await openSession(endpoint, kind);
    const customSid = await join(wire, '/custom');
    await wire.send('2/custom,["close-me"]');
    await wire.ended();
    const reasons = [await watcher.reason(sid), await watcher.reason(customSid)];
    expect(reasons).toEqual(['server namespace disconnect', 'server namespace disconnect']);
    await watcher.close();
  });

  test('the app hears that the client closed the transport, once per namespace', async () => {
    const watcher = await Watcher.open(endpoint);
    const { wire, sid } = await openSession(endpoint, kind);
    const customSid = await join(wire, '/custom');
    await wire.close();
    expect(await watcher.reason(sid)).toBe('transport close');
    expect(await watcher.reason(customSid)).toBe('transport close');
    await watcher.close();
  });
}
