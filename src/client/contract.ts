/**
 * What an app sees of the client: options, events, states. Types only.
 *
 * Nothing here names a type of the DOM, of Node or of Bun, so that the declarations serve projects
 * that know only one of them.
 */

import type { HoldfastError } from './client-error.ts';

/** Written as a method so that handlers may say which types they expect. */
interface AnyMethod {
  handle(...args: unknown[]): unknown;
}

/** A handler of whichever arguments. */
export type AnyHandler = AnyMethod['handle'];

/** Events by name, each as the function that takes it: `{ goal(team: string): void }`. */
export type EventsOf<Events> = { readonly [Name in keyof Events]: AnyHandler };

/** Any event with any arguments: what a client has that is not told its events. */
export type AnyEvents = Readonly<Record<string, AnyHandler>>;

export type TransportName = 'websocket' | 'sse' | 'stream' | 'polling';

/** `waiting`: between two attempts; `closed`: for good. */
export type State = 'connecting' | 'open' | 'waiting' | 'closed';

export type StateChange =
  | { readonly state: 'connecting' }
  | {
      readonly state: 'open';
      readonly transport: TransportName;
      /** The session's, as in `Client.id`. */
      readonly id: string;
      readonly user: string | undefined;
      /** The session of before goes on, and missed nothing. */
      readonly recovered: boolean;
    }
  | {
      readonly state: 'waiting';
      /** Why the connection ended or did not come about. */
      readonly reason: string;
      /** The next attempt begins after so many milliseconds. */
      readonly delayMs: number;
    }
  | {
      readonly state: 'closed';
      /** `client disconnect` after `close()`, else the server's, such as `notAuthenticated`. */
      readonly reason: string;
      /** The server's words, if it had any. */
      readonly message: string | undefined;
      /** What the app gave along, if anything. */
      readonly data: unknown;
    };

/** What the app's `authenticate` reads as `handshake.auth`. */
export type Auth = Readonly<Record<string, unknown>>;

/** As much of a `WebSocket` as the client uses. */
export interface SocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface ClientOptions {
  /**
   * Presented at each connect, and when the server asks for a new token; a function is asked anew
   * each time. Where it throws, the client tries again later. It never stands in a URL.
   */
  readonly auth?: Auth | (() => Auth | Promise<Auth>) | undefined;
  /** Rooms to be in before the first message. Where one is refused, so is the client. */
  readonly rooms?: readonly string[] | undefined;
  /** `/` by default. */
  readonly namespace?: string | undefined;
  /** Which to try, in which order; `['websocket', 'sse', 'polling']` by default. */
  readonly transports?: readonly TransportName[] | undefined;
  /** How long `emitWithAck` waits, 10,000 ms by default. */
  readonly ackTimeoutMs?: number | undefined;
  /**
   * How long a transport may take until the first message, 10,000 ms by default. A proxy that holds
   * messages back is told by this.
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * The first attempt to reconnect comes within this time, at random, the next within twice as
   * long, and so on: 1,000 ms by default.
   */
  readonly reconnectDelayMs?: number | undefined;
  /** The longest such time, 30,000 ms by default. */
  readonly maxReconnectDelayMs?: number | undefined;
  /** How many messages may wait to be sent, 1,000 by default. */
  readonly maxQueued?: number | undefined;
  /** Sends cookies to a server of another origin, too. */
  readonly withCredentials?: boolean | undefined;
  /** For runtimes that have none, such as Node.js before 22: `WebSocket` of the package `ws`. */
  readonly WebSocket?: (new (url: string) => SocketLike) | undefined;
  /** Called after each change of `state`. */
  readonly onState?: ((change: StateChange) => void) | undefined;
  /**
   * Hears what no promise tells: what the server refused of messages without an ack, and what
   * handlers throw. Without it, what handlers throw becomes an unhandled rejection.
   */
  readonly onError?: ((error: HoldfastError | Error) => void) | undefined;
}

/** Asks with a time of its own; see `Client.timeout`. */
/** Who is in a room. */
export interface RoomPresence {
  readonly room: string;
  /** Users, each once, and sessions without a user. */
  readonly count: number;
  readonly anonymous: number;
  /** Missing where they are too many to name. */
  readonly users?: readonly {
    readonly user: string;
    readonly sinceMs: number;
    /** 0 for one who was cut off and may be back in a moment. */
    readonly sessions: number;
    readonly transports: readonly TransportName[];
  }[];
}

export interface Asking<Emit extends EventsOf<Emit>> {
  emitWithAck<Name extends keyof Emit & string>(
    event: Name,
    ...args: Parameters<Emit[Name]>
  ): Promise<Awaited<ReturnType<Emit[Name]>>>;
}

export interface Client<
  Listen extends EventsOf<Listen> = AnyEvents,
  Emit extends EventsOf<Emit> = AnyEvents,
> extends Asking<Emit> {
  readonly state: State;
  /** How messages travel now; undefined unless `state` is `open`. */
  readonly transport: TransportName | undefined;
  /** What the app calls `session.id`, new with each session; undefined before the first. */
  readonly id: string | undefined;
  /** Who the client is, by the app's `authenticate`. */
  readonly user: string | undefined;
  /**
   * Calls a handler for each such event, in the order in which they were sent. Where the server
   * asks for an ack, it is what the handler returns, awaited; with several handlers the first value
   * that is not undefined. The same handler is added once.
   */
  on<Name extends keyof Listen & string>(event: Name, handler: Listen[Name]): this;
  /** The same, for the next such event only. */
  once<Name extends keyof Listen & string>(event: Name, handler: Listen[Name]): this;
  /** Takes a handler away again, or all of an event. */
  off<Name extends keyof Listen & string>(event: Name, handler?: Listen[Name]): this;
  /**
   * Sends an event. What is emitted while the client is not open waits and is sent in order.
   *
   * @throws HoldfastError `queueFull` or `closed`; TypeError for what JSON cannot say
   */
  emit<Name extends keyof Emit & string>(event: Name, ...args: Parameters<Emit[Name]>): void;
  /**
   * Sends an event and resolves with the first value of its ack.
   *
   * @throws HoldfastError with any of its codes; after `timeout` an event that still waited is not
   *   sent any more
   */
  emitWithAck<Name extends keyof Emit & string>(
    event: Name,
    ...args: Parameters<Emit[Name]>
  ): Promise<Awaited<ReturnType<Emit[Name]>>>;
  /** `client.timeout(500).emitWithAck(…)` waits for half a second. */
  timeout(milliseconds: number): Asking<Emit>;
  /**
   * Joins a room, and joins it again after each reconnect until `leave`. The promise waits for the
   * server's answer, over reconnects if need be.
   *
   * @throws HoldfastError `refused`, `queueFull` or `closed`
   */
  join(room: string): Promise<void>;
  /** Leaves a room, also one of the option `rooms`. @throws HoldfastError likewise */
  leave(room: string): Promise<void>;
  /**
   * Sends an event to all others in a room, where the rules of the server let clients do so.
   *
   * @throws HoldfastError as `emitWithAck` does
   */
  publish(room: string, event: string, ...args: readonly unknown[]): Promise<void>;
  /**
   * Who is in a room that this client is in, where the server keeps presence of it.
   *
   * @throws HoldfastError as `emitWithAck` does
   */
  presence(room: string): Promise<RoomPresence>;
  /** Sends what waits if it is open, says goodbye, and stays away. */
  close(): void;
}
