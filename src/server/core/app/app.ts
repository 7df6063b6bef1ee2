/**
 * The app's contract: what an app file declares and what its handlers are given.
 *
 * Handlers are declared once per namespace and event and shared by every session, so an idle
 * session costs no closure. This file holds types and three small constructors only; the objects
 * behind `Session`, `Server` and `Broadcast` live in the files named after them.
 */

/**
 * What a client presented when it asked to join a namespace.
 *
 * A client may leave and join again over the same connection. What `authenticate` reads here beside
 * `auth` is therefore kept while the client is connected, and what it does not read costs nothing.
 */
export interface Handshake {
  /** The namespace asked for, `/` unless the client named one. */
  readonly namespace: string;
  /** What the client gave as `auth`: in CONNECT, or as the plain protocol has it; else empty. */
  readonly auth: Readonly<Record<string, unknown>>;
  /**
   * Header names in lower case, as they came with the first request of the connection; for a second
   * namespace without those about the connection itself, such as `sec-…`.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The query of the first request, e.g. `EIO=4&transport=websocket&token=…`. */
  readonly query: URLSearchParams;
  /** The client's IP address: the socket's, or what proxies in `trustedProxies` say. */
  readonly address: string;
  readonly transport: TransportName;
  /**
   * Who the client is by its token or by a hook, where the config has either; what `authenticate`
   * returns may add to that, or refuse, and cannot make it another user.
   */
  readonly user: string | undefined;
}

/**
 * How a session's messages travel: `polling` and `websocket` for clients of Socket.IO and for plain
 * ones, `sse` and `stream` for plain ones.
 */
export type TransportName = 'polling' | 'websocket' | 'sse' | 'stream';

/**
 * A room by its name, a text of 1 to 256 characters; a whole number is the room of its digits. A
 * session's id is a room of that session alone, which no other can join.
 */
export type RoomName = string | number;

/** What `authenticate` grants: these keys and no others. A session without a user is anonymous. */
export interface Admission {
  readonly user?: string;
  readonly rooms?: readonly RoomName[];
  /** Becomes `session.data`; plain data, since other workers read it through `fetchSessions`. */
  readonly data?: unknown;
}

/** Why a session ended; the words are Socket.IO's own, but for `session expired`. */
export type DisconnectReason =
  | 'client namespace disconnect'
  | 'server namespace disconnect'
  | 'transport close'
  | 'transport error'
  | 'parse error'
  | 'ping timeout'
  | 'session expired'
  | 'server shutting down';

/** Handlers of one namespace. All are optional. */
export interface NamespaceHandlers {
  /**
   * Admits a client by returning nothing or an admission, and refuses it by throwing. The client
   * is told the text of a `ClientError`, or of a plain `Error` made in a file of the app. Whatever
   * else is returned refuses, too.
   */
  authenticate?(handshake: Handshake): Admission | void | Promise<Admission | void>;
  /**
   * Whether a client may join a room that it asks for, as plain clients do, and those of Socket.IO
   * by `holdfast:join`. Rules of the config have said yes before. Without it those decide alone;
   * only `true` lets it in, and at once: a promise refuses. `session` has not
   * joined anything yet when its first request asks.
   */
  mayJoin?(session: Session, room: string): boolean;
  connected?(session: Session): void | Promise<void>;
  /**
   * A client came back and cannot be given all that it has missed: it was away for too long, or
   * asked for what is not kept any more. Called before `connected`; tell it how things stand.
   */
  unrecovered?(session: Session): void | Promise<void>;
  /**
   * Handlers by event name. The return value, awaited, is the ack if the client wants one: no
   * value for `undefined`, several for `ack(…)`, `{ error, data? }` for what is thrown. An event
   * without a handler gets no ack.
   */
  readonly on?: Readonly<Record<string, (session: Session, ...args: never[]) => unknown>>;
  /**
   * The most events of a name that one client may send in a second, and at once: `{ vote: 5 }`.
   * Others are refused: their ack says so, or an event `error` now and then; the client stays.
   */
  readonly limits?: Readonly<Record<string, number>>;
  /** Handlers of `serverSideEmit` from other workers, likewise. */
  readonly onServer?: Readonly<Record<string, (server: Server, ...args: never[]) => unknown>>;
  /** The session is about to end; until the first wait it is still in its rooms. */
  disconnecting?(session: Session, reason: DisconnectReason): void | Promise<void>;
  /** The session has ended; `session.rooms` still names the rooms that it was in. */
  disconnected?(session: Session, reason: DisconnectReason): void | Promise<void>;
}

/** An app: the handlers of `/`, those of further namespaces, and hooks of the worker itself. */
export interface App extends NamespaceHandlers {
  /** Handlers of further namespaces by name, e.g. `{ '/chat': { … } }`. */
  readonly namespaces?: Readonly<Record<string, NamespaceHandlers>>;
  /**
   * Lets in pages of an origin that neither the host nor `corsOrigins` does, such as
   * `https://example.com`. Only `true` does, and at once: a promise refuses.
   */
  allowOrigin?(origin: string): boolean;
  /** Runs once in each worker, before it takes connections. */
  started?(server: Server): void | Promise<void>;
  /**
   * Answers HTTP requests on paths that Holdfast does not use; `undefined` means 404, a
   * `ClientError` 400 with its text, and whatever else is thrown or returned 500.
   */
  request?(request: Request, server: Server): Response | undefined | Promise<Response | undefined>;
}

/** Chooses who receives, then acts on them; every call returns a narrowed copy. */
export interface Broadcast {
  /** Adds members of a room (or of several; the union receives once). A session id is a room. */
  to(room: RoomName | readonly RoomName[]): Broadcast;
  /** The same as `to`. */
  in(room: RoomName | readonly RoomName[]): Broadcast;
  /** Adds all sessions of a user. */
  user(id: string): Broadcast;
  /** Leaves out members of a room. */
  except(room: RoomName | readonly RoomName[]): Broadcast;
  /** May be dropped for a session that cannot take it now. */
  readonly volatile: Broadcast;
  /** Only sessions of this worker. */
  readonly local: Broadcast;
  /** How long `emitWithAck` waits, in milliseconds. */
  timeout(milliseconds: number): Broadcast;
  emit(event: string, ...args: readonly unknown[]): void;
  /**
   * The first ack value of every recipient; rejects with an `AckTimeoutError`, which has those that
   * came, when one is missing at the timeout.
   */
  emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown[]>;
  /**
   * The sessions chosen, over all workers of the node; rejects with a `PartialAnswerError`, which
   * has those that came, when a worker does not answer.
   */
  fetchSessions(): Promise<RemoteSession[]>;
  /** How many sessions are chosen, over all workers of the node; rejects likewise. */
  count(): Promise<number>;
  /** Makes the chosen sessions join. */
  join(room: RoomName | readonly RoomName[]): void;
  /** Makes the chosen sessions leave. */
  leave(room: RoomName | readonly RoomName[]): void;
  /** Disconnects the chosen sessions from the namespace; `close` ends their connection too. */
  disconnect(close?: boolean): void;
}

/** Where a session is. */
export interface SessionPlace {
  readonly id: string;
  readonly user: string | undefined;
  /** The `workerId` of its worker. */
  readonly worker: string;
  readonly transport: TransportName;
  /** When its client connected, in milliseconds since 1970, to the second. */
  readonly sinceMs: number;
  /** Up to a hundred of the rooms that it is in. */
  readonly rooms: readonly string[];
  readonly roomCount: number;
}

/** Where a user is connected. */
export interface UserPlaces {
  /** Sessions of the user in the namespace, over all workers. */
  readonly count: number;
  /** As many of them as were asked for. */
  readonly sessions: readonly SessionPlace[];
}

/** A user in a room with presence. */
export interface PresentUser {
  readonly user: string;
  /** Since when, in milliseconds since 1970; a short absence does not begin it anew. */
  readonly sinceMs: number;
  /** In the room, over all workers; 0 for one who was cut off and may be back in a moment. */
  readonly sessions: number;
  readonly transports: readonly TransportName[];
}

/** Who is in a room, over all workers. */
export interface RoomPresence {
  /** Users, each once, and sessions without a user. */
  readonly count: number;
  /** Of them, sessions without a user. */
  readonly anonymous: number;
  /** As many as were asked for, in no order that could be relied on. */
  readonly users: readonly PresentUser[];
}

/** One namespace as seen by its handlers: everyone in it, on all workers. */
export interface Server extends Broadcast {
  readonly namespace: string;
  /** Names this worker's incarnation; a worker that replaces a dead one has another. */
  readonly workerId: string;
  /** Sessions of this namespace on this worker. */
  readonly localCount: number;
  /**
   * Who is in a room; the config says which rooms have presence. Rejects for others, and when the
   * controller does not answer.
   *
   * @param most users that the answer names, 1,000 unless told otherwise and 50,000 at the most
   */
  presence(room: RoomName, most?: number): Promise<RoomPresence>;
  /**
   * Where a user is connected, over all workers; rejects with a `PartialAnswerError`, which has
   * what came, when a worker does not answer.
   *
   * @param most sessions that each worker describes, 100 unless told otherwise and at the most
   */
  whereabouts(user: string, most?: number): Promise<UserPlaces>;
  /** The handle of another namespace of the app. */
  of(namespace: string): Server;
  /** Calls `onServer[event]` on every other worker. */
  serverSideEmit(event: string, ...args: readonly unknown[]): void;
  /**
   * The same, with the answer of each; rejects with a `PartialAnswerError`, which has those that
   * came, when a worker is silent or its handler fails.
   */
  serverSideEmitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown[]>;
}

/** One client in one namespace. */
export interface Session {
  readonly id: string;
  readonly namespace: string;
  /** Who the client is by its token, a hook or `authenticate`, if any of them said. */
  readonly user: string | undefined;
  /** The app's own state; starts as the admission's `data`, or an empty object. */
  data: unknown;
  /**
   * It was cut off and is taken up again, with its id, rooms and data, and is given what it missed;
   * see `recovery` of the config key `rooms`.
   */
  readonly recovered: boolean;
  /** The rooms it is in; in `disconnected` those that it was in. */
  readonly rooms: readonly string[];
  readonly connected: boolean;
  readonly transport: TransportName;
  readonly server: Server;
  emit(event: string, ...args: readonly unknown[]): void;
  /** The client's first ack value; rejects at the timeout or when the session ends. */
  emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown>;
  /** The same with all values of the client's ack. */
  emitWithAckValues(event: string, ...args: readonly unknown[]): Promise<readonly unknown[]>;
  /** Sets how long they wait, in milliseconds. */
  timeout(milliseconds: number): {
    emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown>;
    emitWithAckValues(event: string, ...args: readonly unknown[]): Promise<readonly unknown[]>;
  };
  /** An emit that may be dropped when the client cannot take it now. */
  readonly volatile: { emit(event: string, ...args: readonly unknown[]): void };
  /** @throws TypeError for the id of another session, RangeError for too many rooms */
  join(room: RoomName | readonly RoomName[]): void;
  leave(room: RoomName): void;
  /** Everyone in the room but this session. */
  to(room: RoomName | readonly RoomName[]): Broadcast;
  /** The same as `to`. */
  in(room: RoomName | readonly RoomName[]): Broadcast;
  except(room: RoomName | readonly RoomName[]): Broadcast;
  /** Everyone in the namespace but this session. */
  readonly broadcast: Broadcast;
  /** Leaves the namespace; `close` ends the connection with all its namespaces. */
  disconnect(close?: boolean): void;
}

/** A session of any worker, as `fetchSessions` found it. */
export interface RemoteSession {
  readonly id: string;
  readonly user: string | undefined;
  readonly rooms: readonly string[];
  /** A copy, where the session is on another worker. */
  readonly data: unknown;
  /** Why `data` is missing, when it holds what cannot be copied, such as functions, or too much. */
  readonly dataError: string | undefined;
  emit(event: string, ...args: readonly unknown[]): void;
  join(room: RoomName | readonly RoomName[]): void;
  leave(room: RoomName | readonly RoomName[]): void;
  disconnect(close?: boolean): void;
}

/** Checks nothing and changes nothing: it gives an app file its types. */
export function defineApp(app: App): App {
  return app;
}

/** Several values for one ack: `return ack(1, 'two')`. */
export class AckValues {
  readonly values: readonly unknown[];

  constructor(values: readonly unknown[]) {
    this.values = values;
  }
}

/** Makes a handler answer an ack with several values instead of one. */
export function ack(...values: readonly unknown[]): AckValues {
  return new AckValues(values);
}
