/** Socket.IO v5: events and acks both ways, with text and with binary attachments. */

import { describe, expect, test } from 'bun:test';
import type { Endpoint } from '../support/raw-polling.ts';
import {
  expectAlive,
  join,
  nextPacket,
  openSession,
  placeholder,
  type SocketPacket,
  WIRE_KINDS,
  type Wire,
  type WireKind,
} from '../support/raw-socketio.ts';
import { describeOnTargets, isReference } from './target.ts';

/** Values that JSON carries and that are easily got wrong. */
const VALUES: readonly (readonly [string, readonly unknown[]])[] = [
  ['no argument', []],
  ['one of each JSON type', [1, '2', { 3: [true] }, null, false, -0.5e-7]],
  ['strings with the signs of the format', ['/a,1[', '51-', '"\\', '\u001e', '\u2028', '']],
  ['characters beyond ASCII', ['é', '€', '😀', '\ud800'.toWellFormed()]],
  ['nested structures', [[[[]]], { a: { b: { c: [{}] } } }]],
  ['names of Object.prototype', [{ constructor: 1, toString: 2, hasOwnProperty: 3 }]],
  ['something long', ['x'.repeat(70_000)]],
];

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const LONG_BYTES = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 251);

describeOnTargets('Socket.IO events', (endpoint) => {
  for (const kind of WIRE_KINDS) {
    describe(`over ${kind}`, () => {
      declareEvents(endpoint, kind);
      declareAcks(endpoint, kind);
      declareQuestions(endpoint, kind);
      declareBinary(endpoint, kind);
      declareBinaryLayouts(endpoint, kind);
    });
  }

  test('a room reaches members over every transport, with and without bytes', async () => {
    const sessions = await Promise.all(
      [...WIRE_KINDS, ...WIRE_KINDS].map((kind) => openSession(endpoint, kind)),
    );
    for (const { wire } of sessions) {
      await wire.send('20["join-room","everyone"]');
      expect(await wire.next()).toBe('30["everyone"]');
    }
    const [first] = sessions;
    const event = `51-["tell-room","everyone","bytes",${placeholder(0)}]`;
    await first?.wire.send('2["tell-room","everyone","€",{"a":1}]', event, ALL_BYTES);
    for (const { wire } of sessions) {
      expect((await nextPacket(wire)).data).toEqual(['told', '€', { a: 1 }]);
      expect((await nextPacket(wire)).data).toEqual(['told', 'bytes', ALL_BYTES]);
      await wire.close();
    }
  });

  test('whose join is confirmed misses nothing that is sent from then on', async () => {
    const sessions = await Promise.all(
      Array.from({ length: 6 }, () => openSession(endpoint, 'websocket')),
    );
    for (let round = 0; round < 1000; round += 1) {
      // Every pair comes in turn, so on several workers joiner and teller are mostly apart.
      const joiner = round % 6;
      const teller = (joiner + 1 + (Math.floor(round / 6) % 5)) % 6;
      const room = `round ${round}`;
      await sessions[joiner]?.wire.send(`20["join-room","${room}"]`);
      expect(await sessions[joiner]?.wire.next()).toBe(`30["${room}"]`);
      await sessions[teller]?.wire.send(`2["tell-room","${room}",${round}]`);
      expect(await sessions[joiner]?.wire.next(`what was told to ${room}`)).toBe(
        `2["told",${round}]`,
      );
    }
    await Promise.all(sessions.map(({ wire }) => wire.close()));
  });
});

function declareEvents(endpoint: Endpoint, kind: WireKind): void {
  test.each(VALUES)('an event goes both ways with %s', async (_name, args) => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`2${JSON.stringify(['message', ...args])}`);
    expect(await wire.next()).toBe(`2${JSON.stringify(['message-back', ...args])}`);
    await wire.close();
  });

  test('events keep their order', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2["count",300]');
    for (let number = 0; number < 300; number += 1) {
      expect(await wire.next()).toBe(`2["number",${number}]`);
    }
    await wire.close();
  });

  test('an event without a handler does nothing', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2["nobody listens",1]', '2["constructor"]', '2["__proto__"]');
    await expectAlive(wire);
    await wire.close();
  });

  // A value would be taken for the answer of a handler.
  test('no ack comes where no handler is', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('25["nobody listens",1]', '26["constructor"]', '27["__proto__"]');
    await expectAlive(wire);
    await wire.close();
  });

  test('{"_placeholder":true} in an event without attachments is plain data', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`2["message",${placeholder(0)}]`);
    expect(await wire.next()).toBe(`2["message-back",${placeholder(0)}]`);
    await wire.close();
  });

  // A handler that throws ends the whole process of the reference.
  test.skipIf(isReference)('a handler that throws harms nobody', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2["fail"]');
    await expectAlive(wire);
    await wire.send('21["fail"]');
    expect(await nextPacket(wire)).toMatchObject({ type: 3, id: 1 });
    await expectAlive(wire);
    await wire.close();
  });
}

function declareAcks(endpoint: Endpoint, kind: WireKind): void {
  test.each([0, 1, 12, 456, 2 ** 31, Number.MAX_SAFE_INTEGER])('ack %d', async (id) => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`2${id}["message-with-ack",1,"2",{"3":[false]}]`);
    expect(await wire.next()).toBe(`3${id}[1,"2",{"3":[false]}]`);
    await wire.close();
  });

  test('an ack of one value, of none, and of one that comes later', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('21["first-value",{"a":1},"not this"]');
    expect(await wire.next()).toBe('31[{"a":1}]');
    await wire.send('22["nothing"]');
    expect(await wire.next()).toBe('32[]');
    await wire.send('23["after-a-while","later"]', '24["first-value","sooner"]');
    expect(await wire.next()).toBe('34["sooner"]');
    expect(await wire.next()).toBe('33["later"]');
    await wire.close();
  });

  test('an ack in a custom namespace', async () => {
    const { wire } = await openSession(endpoint, kind);
    await join(wire, '/custom');
    await wire.send('2/custom,13["message-with-ack","foo"]');
    expect(await wire.next()).toBe('3/custom,13["foo"]');
    await wire.close();
  });

  test('no ack when none was asked for', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2["message-with-ack",1]', '2["first-value",1]');
    await expectAlive(wire);
    await wire.close();
  });
}

function declareQuestions(endpoint: Endpoint, kind: WireKind): void {
  test('the server asks and hears the first value of the answer', async () => {
    const { wire } = await openSession(endpoint, kind);
    const { id } = await asked(wire, '2["ask","how much?",[1]]', ['how much?', [1]]);
    await wire.send(`3${id}["this much","not this"]`);
    expect(await wire.next()).toBe('2["answered","this much"]');
    await wire.close();
  });

  test('answers find their questions in any order', async () => {
    const { wire } = await openSession(endpoint, kind);
    const { id: first } = await asked(wire, '2["ask",1]', [1]);
    const { id: second } = await asked(wire, '2["ask",2]', [2]);
    expect(first).not.toBe(second);
    await wire.send(`3${second}["to the second"]`, `3${first}["to the first"]`);
    expect(await wire.next()).toBe('2["answered","to the second"]');
    expect(await wire.next()).toBe('2["answered","to the first"]');
    await wire.close();
  });

  test('a question in a custom namespace', async () => {
    const { wire } = await openSession(endpoint, kind);
    await join(wire, '/custom');
    const { id, namespace } = await asked(wire, '2/custom,["ask"]', []);
    expect(namespace).toBe('/custom');
    await wire.send(`3/custom,${id}["yes"]`);
    expect(await wire.next()).toBe('2/custom,["answered","yes"]');
    await wire.close();
  });

  test('a question without an answer times out, and a late answer does nothing', async () => {
    const { wire } = await openSession(endpoint, kind);
    const { id } = await asked(wire, '2["ask",1]', [1]);
    expect(await wire.next()).toBe('2["unanswered"]');
    await wire.send(`3${id}["late"]`);
    await expectAlive(wire);
    await wire.close();
  });

  test('an answer to no question, and a second answer, do nothing', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('399[1]', `3${Number.MAX_SAFE_INTEGER}[1]`);
    const { id } = await asked(wire, '2["ask",1]', [1]);
    await wire.send(`3${id}["once"]`, `3${id}["twice"]`);
    expect(await wire.next()).toBe('2["answered","once"]');
    await expectAlive(wire);
    await wire.close();
  });

  test('an answer that is empty is one', async () => {
    const { wire } = await openSession(endpoint, kind);
    const { id } = await asked(wire, '2["ask",1]', [1]);
    await wire.send(`3${id}[]`);
    const { data } = await nextPacket(wire);
    expect((data as unknown[])[0]).toBe('answered');
    await wire.close();
  });

  test('bytes go in the question and in the answer', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`51-["ask",${placeholder(0)}]`, ALL_BYTES);
    const question = await nextPacket(wire);
    expect(question).toMatchObject({ type: 5, data: ['question', ALL_BYTES] });
    await wire.send(`61-${question.id}[${placeholder(0)}]`, LONG_BYTES);
    expect(await nextPacket(wire)).toMatchObject({ type: 5, data: ['answered', LONG_BYTES] });
    await wire.close();
  });
}

function declareBinary(endpoint: Endpoint, kind: WireKind): void {
  test.each([
    ['every byte', ALL_BYTES],
    ['no byte', new Uint8Array(0)],
    ['one byte', Uint8Array.of(0)],
    ['text in disguise', Buffer.from('2["message",1]')],
    ['more than 64 KiB', LONG_BYTES],
  ])('an attachment of %s goes both ways', async (_name, bytes) => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`51-["message",${placeholder(0)}]`, bytes);
    const packet = await nextPacket(wire);
    expect(packet.type).toBe(5);
    expect(packet.data).toEqual(['message-back', new Uint8Array(bytes)]);
    await wire.close();
  });

  test('the header and the order of attachments are as the protocol writes them', async () => {
    const { wire } = await openSession(endpoint, kind);
    const rest = `${placeholder(0)},"between",{"deep":[${placeholder(1)}]}]`;
    await wire.send(`52-["message",${rest}`, Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6));
    expect(await wire.next()).toBe(`52-["message-back",${rest}`);
    expect(await wire.next()).toEqual(Uint8Array.of(1, 2, 3));
    expect(await wire.next()).toEqual(Uint8Array.of(4, 5, 6));
    await wire.close();
  });

  test('attachments in a custom namespace, with an ack', async () => {
    const { wire } = await openSession(endpoint, kind);
    await join(wire, '/custom');
    await wire.send(`51-/custom,7["message-with-ack",${placeholder(0)},"x"]`, ALL_BYTES);
    expect(await wire.next()).toBe(`61-/custom,7[${placeholder(0)},"x"]`);
    expect(await wire.next()).toEqual(ALL_BYTES);
    await wire.close();
  });

  test('an ack with several attachments', async () => {
    const { wire } = await openSession(endpoint, kind);
    const payload = `${placeholder(0)},${placeholder(1)}]`;
    await wire.send(`52-789["message-with-ack",${payload}`, ALL_BYTES, LONG_BYTES);
    expect(await wire.next()).toBe(`62-789[${payload}`);
    expect(await wire.next()).toEqual(ALL_BYTES);
    expect(await wire.next()).toEqual(LONG_BYTES);
    await wire.close();
  });
}

function declareBinaryLayouts(endpoint: Endpoint, kind: WireKind): void {
  test('ten attachments', async () => {
    const { wire } = await openSession(endpoint, kind);
    const parts = Array.from({ length: 10 }, (_, index) => Uint8Array.of(index, 255 - index));
    const places = parts.map((_, index) => placeholder(index)).join(',');
    await wire.send(`510-["message",${places}]`, ...parts);
    expect((await nextPacket(wire)).data).toEqual(['message-back', ...parts]);
    await wire.close();
  });

  test('placeholder numbers, not their places, say which attachment is meant', async () => {
    const { wire } = await openSession(endpoint, kind);
    const [first, second, third] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
    const places = [2, 0, 1].map(placeholder).join(',');
    await wire.send(`53-["message",${places}]`, first, second, third);
    const { data } = await nextPacket(wire);
    expect(data).toEqual(['message-back', third, first, second]);
    await wire.close();
  });

  test('attachments may come long after their header', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`52-["message",${placeholder(0)},${placeholder(1)}]`);
    await wire.send(Uint8Array.of(1));
    await wire.send(Uint8Array.of(2));
    const { data } = await nextPacket(wire);
    expect(data).toEqual(['message-back', Uint8Array.of(1), Uint8Array.of(2)]);
    await wire.close();
  });

  test('binary and plain events keep their order', async () => {
    const { wire } = await openSession(endpoint, kind);
    for (let number = 0; number < 20; number += 1) {
      const event = `51-["message",${number},${placeholder(0)}]`;
      await wire.send(event, Uint8Array.of(number), `2["message",${number}]`);
    }
    for (let number = 0; number < 20; number += 1) {
      const { data } = await nextPacket(wire);
      expect(data).toEqual(['message-back', number, Uint8Array.of(number)]);
      expect(await wire.next()).toBe(`2["message-back",${number}]`);
    }
    await wire.close();
  });
}

/** Makes the app ask, and reads its question. */
async function asked(wire: Wire, packet: string, args: readonly unknown[]): Promise<SocketPacket> {
  await wire.send(packet);
  const question = await nextPacket(wire, 'the question');
  expect(question).toMatchObject({ type: 2, data: ['question', ...args] });
  expect(question.id).toBeNumber();
  return question;
}
