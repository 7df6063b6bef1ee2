/** Our codecs against the published `engine.io-parser` and `socket.io-parser`, both ways. */

import { describe, expect, test } from 'bun:test';
import {
  decodePayload as decodePublishedPayload,
  encodePayload as encodePublishedPayload,
  type Packet as PublishedEnginePacket,
} from 'engine.io-parser';
import { Decoder, Encoder, PacketType, type Packet as PublishedPacket } from 'socket.io-parser';
import { Random } from '../../../test/fuzz/random.ts';
import { readPayload } from '../../../test/support/read-payload.ts';
import { encodeArguments, restoreArguments } from './binary-payload.ts';
import { encodePayload } from './engine-packet.ts';
import {
  decodePacket,
  encodeAck,
  encodeConnect,
  encodeConnectError,
  encodeDisconnect,
  encodeEvent,
  type Packet,
  RESERVED_EVENTS,
} from './socketio-packet.ts';
import type { WirePacket } from './wire-packet.ts';

const ROUNDS = 3_000;
const MAX_DEPTH = 64;
const MAX_ATTACHMENTS = 10;
const random = Random.announced('published parsers');

const NAMESPACES = ['/', '/chat', '/a/b', '/ünï', '/with space', '/q?x=1', '/4', '/-'];

describe('engine packets', () => {
  const TYPES = ['open', 'close', 'ping', 'pong', 'message', 'upgrade', 'noop'] as const;

  /** Text packets carry no separator: neither side escapes it. */
  const randomPackets = (): PublishedEnginePacket[] =>
    Array.from({ length: 1 + random.below(5) }, () => {
      if (random.chance(0.3)) return { type: 'message', data: random.bytes(20) };
      return { type: random.pick(TYPES), data: random.text(12).replaceAll('\x1e', '') };
    });

  const asOurs = ({ type, data }: PublishedEnginePacket): WirePacket =>
    Buffer.isBuffer(data) ? data : `${TYPES.indexOf(type as 'open')}${data ?? ''}`;

  test('payloads are encoded alike', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const packets = randomPackets();
      encodePublishedPayload(packets, (published) => {
        expect(encodePayload(packets.map(asOurs))).toBe(published);
      });
    }
  });

  test('payloads of theirs are decoded', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const packets = randomPackets();
      encodePublishedPayload(packets, (published) => {
        expect(readPayload(published)).toEqual(packets.map(asOurs) as (string | Buffer)[]);
      });
    }
  });

  test('payloads of ours are decoded by theirs', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const packets = randomPackets();
      const theirs = decodePublishedPayload(encodePayload(packets.map(asOurs)));
      expect(theirs.map(asOurs)).toEqual(packets.map(asOurs));
    }
  });
});

interface Question {
  readonly namespace: string;
  readonly ackId: number | undefined;
  readonly event: string;
  readonly args: unknown[];
}

function randomQuestion(): Question {
  const name = random.text(12);
  const args = Array.from({ length: random.below(4) }, () => random.value(3, true));
  const { attachments } = encodeArguments(args, MAX_DEPTH);
  return {
    namespace: random.pick(NAMESPACES),
    ackId: random.chance(0.5) ? random.below(2 ** 31) : undefined,
    event: RESERVED_EVENTS.has(name) ? 'x' : name,
    args: attachments.length > MAX_ATTACHMENTS ? [] : args,
  };
}

/** What the published parser makes of a packet and its attachments; throws when it refuses. */
function decodePublished(frames: readonly (string | Uint8Array)[]): PublishedPacket | undefined {
  const decoder = new Decoder();
  const decoded: PublishedPacket[] = [];
  decoder.on('decoded', (packet: PublishedPacket) => decoded.push(packet));
  for (const frame of frames) decoder.add(frame);
  expect(decoded.length).toBeLessThanOrEqual(1);
  return decoded[0];
}

function encodePublished(packet: PublishedPacket): { text: string; attachments: Buffer[] } {
  const [text, ...attachments] = new Encoder().encode(packet) as [string, ...Buffer[]];
  return { text, attachments };
}

describe('Socket.IO packets', () => {
  test('events of theirs are decoded', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { namespace, ackId, event, args } = randomQuestion();
      const { text, attachments } = encodePublished({
        type: PacketType.EVENT,
        nsp: namespace,
        data: [event, ...args],
        ...(ackId === undefined ? {} : { id: ackId }),
      });
      const packet = decodePacket(text, MAX_ATTACHMENTS);
      if (packet?.type !== 'event') throw new Error(`no event: ${text}`);
      expect(packet).toMatchObject({ namespace, event, attachments: attachments.length });
      expect(packet.ackId).toBe(ackId);
      expect(restoreArguments(packet.args, attachments, MAX_DEPTH)).toEqual(args);
    }
  });

  test('events of ours are decoded by theirs', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { namespace, ackId, event, args } = randomQuestion();
      const { json, attachments } = encodeArguments([event, ...args], MAX_DEPTH);
      const text = encodeEvent(namespace, json, attachments.length, ackId);
      expect(text[0]).toBe('4');
      const packet = decodePublished([text.slice(1), ...attachments]);
      expect(packet).toMatchObject({ type: PacketType.EVENT, nsp: namespace });
      expect(packet?.id).toBe(ackId as number);
      expect(packet?.data).toEqual([event, ...args]);
    }
  });

  test('acks, both ways', () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { namespace, args } = randomQuestion();
      const id = random.below(2 ** 31);
      const theirs = encodePublished({ type: PacketType.ACK, nsp: namespace, id, data: args });
      const packet = decodePacket(theirs.text, MAX_ATTACHMENTS);
      if (packet?.type !== 'ack') throw new Error(`no ack: ${theirs.text}`);
      expect(packet).toMatchObject({ namespace, ackId: id });
      expect(restoreArguments(packet.args, theirs.attachments, MAX_DEPTH)).toEqual(args);

      const { json, attachments } = encodeArguments(args, MAX_DEPTH);
      const ours = encodeAck(namespace, json, attachments.length, id);
      const answer = decodePublished([ours.slice(1), ...attachments]);
      expect(answer).toMatchObject({ nsp: namespace, id });
      expect(answer?.data).toEqual(args);
    }
  });

  test.each(NAMESPACES)('joining and leaving %s, both ways', (namespace) => {
    const auth = { token: random.text(10) };
    const nsp = namespace;
    expect(
      decodePacket(encodePublished({ type: PacketType.CONNECT, nsp, data: auth }).text, 0),
    ).toEqual({ type: 'connect', namespace, auth });
    expect(decodePacket(encodePublished({ type: PacketType.CONNECT, nsp }).text, 0)).toEqual({
      type: 'connect',
      namespace,
      auth: undefined,
    });
    expect(decodePacket(encodePublished({ type: PacketType.DISCONNECT, nsp }).text, 0)).toEqual({
      type: 'disconnect',
      namespace,
    });
    expect(decodePublished([encodeConnect(nsp, 'an-id').slice(1)])).toMatchObject({
      type: PacketType.CONNECT,
      nsp,
      data: { sid: 'an-id' },
    });
    expect(decodePublished([encodeConnectError(nsp, 'no', { a: 1 }).slice(1)])).toMatchObject({
      type: PacketType.CONNECT_ERROR,
      nsp,
      data: { message: 'no', data: { a: 1 } },
    });
    expect(decodePublished([encodeDisconnect(nsp).slice(1)])).toMatchObject({
      type: PacketType.DISCONNECT,
      nsp,
    });
  });

  test('whatever ours takes of damaged text, theirs takes to mean the same', () => {
    let taken = 0;
    for (let round = 0; round < ROUNDS * 3; round++) {
      const { namespace: nsp, ackId, event, args } = randomQuestion();
      const id = ackId === undefined ? {} : { id: ackId };
      const type = random.pick([PacketType.EVENT, PacketType.ACK, PacketType.CONNECT]);
      const data = type === PacketType.CONNECT ? { event } : [event, ...args];
      const text = damage(encodePublished({ type, nsp, data, ...id }).text);
      const ours = decodePacket(text, MAX_ATTACHMENTS);
      if (ours === undefined) continue;
      const blanks = Array.from({ length: attachmentsOf(ours) }, () => Buffer.alloc(0));
      if ('args' in ours && restoreArguments(ours.args, blanks, MAX_DEPTH) === undefined) continue;
      taken++;
      const theirs = decodePublished([text, ...blanks]);
      expect({ text, nsp: theirs?.nsp }).toEqual({ text, nsp: ours.namespace });
      if ('ackId' in ours) expect({ text, id: theirs?.id }).toEqual({ text, id: ours.ackId });
    }
    expect(taken).toBeGreaterThan(ROUNDS / 10);
  });
});

function attachmentsOf(packet: Packet): number {
  return 'attachments' in packet ? packet.attachments : 0;
}

/** One character removed, doubled or replaced. */
function damage(text: string): string {
  const at = random.below(text.length);
  const piece = random.pick(['', '', '"', ',', '1', '-', '/', '[', '9', text.slice(at, at + 2)]);
  return text.slice(0, at) + piece + text.slice(at + 1);
}
