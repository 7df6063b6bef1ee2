/** The errors of the client, one class: `code` says what happened, in words that do not change. */

/**
 * | code | what happened |
 * |---|---|
 * | `timeout` | no ack came in time |
 * | `disconnected` | the connection was lost after it was sent; it may have arrived or not |
 * | `refused` | the server refused it; `reason`, `message` and `data` are the server's |
 * | `queueFull` | as much waits to be sent as may (`maxQueued`) |
 * | `payloadTooLarge` | it is larger than the server takes, and was not sent |
 * | `closed` | the client is closed, by `close()` or by the server |
 */
export type ErrorCode =
  | 'timeout'
  | 'disconnected'
  | 'refused'
  | 'queueFull'
  | 'payloadTooLarge'
  | 'closed';

export class HoldfastError extends Error {
  override readonly name: string = 'HoldfastError';
  readonly code: ErrorCode;
  /** The server's word for why, such as `joinForbidden` (docs/PROTOCOL.md); if it gave one. */
  readonly reason: string | undefined;
  /** What the app gave along, if anything. */
  readonly data: unknown;

  constructor(code: ErrorCode, message: string, reason?: string, data?: unknown) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.data = data;
  }
}
