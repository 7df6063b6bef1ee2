/**
 * Frames between a worker and the hub in the controller.
 *
 * Fields are listed in the order they are written; see `protocol/frame.ts` for their encoding. A
 * *route* says whom a message is for: scope, namespace, rooms, users, except. The hub reads the
 * route and passes the body on as it came, so that it costs the same for any payload.
 */

import { deserialize, serialize } from 'bun:jsc';
import type { NodeRequest, SessionCommand, Target } from '../../core/contracts/node-link.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { EncodedEvent } from '../../core/delivery/encoded-event.ts';
import { FRAME_HEADER_BYTES, type FrameReader, FrameWriter } from '../../protocol/frame.ts';

export const BusFrame = {
  /** worker → hub: worker, pid, channel. The first frame of a connection. */
  hello: 1,
  /** worker → hub: the worker can take messages */
  joined: 2,
  /**
   * worker → hub: public port, own port and port for other nodes (0 for none), namespaces of its
   * app. The worker takes sessions.
   */
  ready: 3,
  /** worker → hub: why it cannot start */
  failed: 4,
  /** worker → hub: keys added, keys removed */
  interest: 5,
  /** worker → hub: a `WorkerSample` as JSON */
  sample: 6,
  /** either way: route, flags, JSON, attachments */
  event: 7,
  /** either way: route, rooms that the chosen join, command */
  command: 8,
  /** worker → hub: request, route, body; hub → worker: asking worker, request, route, body */
  request: 9,
  /**
   * worker → hub: asking worker, request, flags, missing, items; hub → worker: request, answering
   * worker, and the same. An answer may take several; the last one says so.
   */
  answer: 10,
  /** hub → worker: request, how many workers are asked, and each of them */
  asked: 11,
  /** hub → worker: request, worker. One that was asked is gone, or takes no messages. */
  unanswered: 12,
  /** hub → worker: number, seconds. The worker shall profile itself. */
  profile: 13,
  /** worker → hub: number, 1 and a `WorkerProfile` as JSON, or 0 and why there is none */
  profiled: 14,
  /** either way: the number of a service, and what is said to its other end */
  state: 15,
  /** hub → worker: offset, and an event; one for rooms that keep it */
  kept: 16,
  /**
   * worker → hub: request, rooms by their keys and after which offset of each; hub → worker:
   * request, whether it is the last piece, the latest offset, from where each room is complete,
   * and offsets and events
   */
  missed: 17,
} as const;

/**
 * A worker has two connections to the hub. What workers say to each other may pile up and wait;
 * what a worker tells of itself (interest, samples, ports, profiles) is always read.
 */
export const Channel = { control: 0, messages: 1 } as const;

/** Whether a message is for workers that have recipients, or for all of them. */
export const RouteScope = { recipients: 0, allWorkers: 1 } as const;

export interface Route extends Target {
  readonly scope: number;
  readonly namespace: string;
  /** Of what comes from outside the workers: rooms with a history do not keep it. */
  readonly isPassing?: boolean;
}

const FLAG_VOLATILE = 1;

/** Of an answer's frame. */
export const AnswerFlag = { last: 1, whole: 2 } as const;

/** @throws TypeError for names that UTF-8 cannot hold, which would arrive as the names of others */
export function writeRoute(writer: FrameWriter, route: Route): void {
  const { namespace, rooms, users, except } = route;
  for (const names of [rooms, users, except]) {
    for (const name of names) checkWellFormed(name);
  }
  checkWellFormed(namespace);
  writer.u8(route.scope).text(route.namespace);
  writer.texts(route.rooms).texts(route.users).texts(route.except);
}

function checkWellFormed(name: string): void {
  if (name.isWellFormed()) return;
  throw new TypeError('a name with halves of surrogate pairs cannot be sent to other workers');
}

export function readRoute(frame: FrameReader): Route {
  return {
    scope: frame.u8(),
    namespace: frame.text(),
    rooms: frame.texts(),
    users: frame.texts(),
    except: frame.texts(),
  };
}

/** What a worker says when it takes sessions; a port is 0 where there is none. */
export interface WorkerReady {
  readonly publicPort: number;
  readonly ownPort: number;
  /** For workers of other nodes. */
  readonly nodePort: number;
  /** Of its app. */
  readonly namespaces: readonly string[];
}

export function writeReady(writer: FrameWriter, ready: WorkerReady): void {
  const { publicPort, ownPort, nodePort, namespaces } = ready;
  writer.u32(publicPort).u32(ownPort).u32(nodePort).texts(namespaces).finish();
}

export function readReady(frame: FrameReader): WorkerReady {
  const [publicPort, ownPort, nodePort] = [frame.u32(), frame.u32(), frame.u32()];
  return { publicPort, ownPort, nodePort, namespaces: frame.texts() };
}

export function writeEvent(
  writer: FrameWriter,
  event: Pick<OutgoingEvent, 'volatile' | 'json' | 'attachments'>,
): void {
  writer.u8(event.volatile ? FLAG_VOLATILE : 0).text(event.json);
  writer.u32(event.attachments.length);
  for (const attachment of event.attachments) writer.bytes(attachment);
}

/** Whether an event may be dropped, in a frame that has been read up to its route. */
export function isVolatileEvent(frame: FrameReader): boolean {
  return (frame.rest()[0] ?? 0) !== 0;
}

/** The JSON of an event, in a frame that has been read up to its route. */
export function readJson(frame: FrameReader): string {
  frame.u8();
  return frame.text();
}

/** The body of an event's frame by itself. @throws RangeError when no frame holds it */
export function eventBody(route: Route, event: OutgoingEvent, maxFrameBytes: number): Uint8Array {
  const writer = new FrameWriter(maxFrameBytes).begin(BusFrame.event);
  writeRoute(writer, route);
  writeEvent(writer, event);
  writer.finish();
  return writer.take().subarray(FRAME_HEADER_BYTES);
}

/** @param position where it stands in the history of its rooms */
export function readEvent(frame: FrameReader, namespace: string, position?: string): OutgoingEvent {
  const isVolatile = (frame.u8() & FLAG_VOLATILE) !== 0;
  const json = frame.text();
  const attachments: Uint8Array[] = [];
  const count = frame.u32();
  for (let i = 0; i < count; i++) attachments.push(new Uint8Array(frame.bytes()));
  return new EncodedEvent(namespace, json, attachments, { volatile: isVolatile, position });
}

/**
 * Plain data by structured clone: dates, maps and binary values survive.
 *
 * @throws DataCloneError for what cannot be cloned, such as functions
 */
export function toData(data: unknown): Uint8Array {
  return new Uint8Array(serialize(data));
}

/** Rooms that the sessions chosen by a command are made to join. */
export function joinedRooms(command: SessionCommand): readonly string[] {
  return command.kind === 'join' ? command.rooms : [];
}

/** Reads a command behind its route and rooms. */
export function readCommand(frame: FrameReader): SessionCommand {
  return readData(frame) as SessionCommand;
}

export function readRequest(frame: FrameReader): NodeRequest {
  return readData(frame) as NodeRequest;
}

export function readData(frame: FrameReader): unknown {
  return fromData(new Uint8Array(frame.rest()));
}

export function fromData(data: Uint8Array): unknown {
  return deserialize(data);
}

/** @param isForWorkers whether it is for all of them, or for those that have recipients */
export function routeTo(target: Target, isForWorkers = false): Omit<Route, 'namespace'> {
  const { rooms, users, except } = target;
  const scope = isForWorkers ? RouteScope.allWorkers : RouteScope.recipients;
  return { scope, rooms, users, except };
}
