/**
 * The contract between the client and its transports: a link is one session over one transport,
 * from the attempt to its end. It never comes back; the client makes a new one.
 */

/** Why a link ended. */
export interface Loss {
  readonly reason: string;
  readonly message?: string | undefined;
  readonly data?: unknown;
  /** The server's word when to come back; other transports need not be tried before that. */
  readonly retryMs?: number | undefined;
  /** The server does not want the client back. */
  readonly isFinal?: boolean;
}

/** A message that waits to be sent, or has just been taken. */
export interface Outgoing {
  readonly text: string;
  /** Its length in UTF-8. */
  readonly bytes: number;
  /** The question in it, if it is one. */
  readonly id: number | undefined;
  /** It answers a question of this session and means nothing to the next. */
  readonly isAnswer: boolean;
}

/** What a link is given: where to connect, what to present, whom to tell. */
export interface LinkHost {
  /** With `http:` or `https:`, ends with a slash. */
  readonly url: string;
  /** Parameters of the first request, without `auth`; the link adds its own. */
  readonly query: URLSearchParams;
  /** The message `connect` with what authenticates; undefined when there is nothing. */
  readonly opening: string | undefined;
  /** The client wants no more of it. */
  readonly isOver: boolean;
  /** Something came, if only a sign of life. */
  heard(): void;
  /** A message came; whatever it is. */
  message(message: unknown): void;
  /** Called for the end of the link, unless the client has closed it. */
  lost(loss: Loss): void;
  /** The messages to send next, in order, as many as one body may have; empty when none wait. */
  take(): readonly Outgoing[];
  /** Messages that the server did not take for sure: they go first on the next link. */
  putBack(messages: readonly Outgoing[]): void;
  /** Messages that the server does not want. */
  refuse(messages: readonly Outgoing[], loss: Loss): void;
  /** A random time to wait before the attempt of this number, from 0, in milliseconds. */
  delayMs(attempt: number): number;
}

export interface Link {
  /** Sends what `take` gives; called only after the message `connect`. */
  flush(): void;
  /** Asks the server for a sign of life. */
  ping(): void;
  /** Ends it. @param isPolite sends what waits, and says goodbye */
  close(isPolite: boolean): void;
}

export const GOODBYE = '{"type":"disconnect"}';
export const PING = '{"type":"ping"}';
