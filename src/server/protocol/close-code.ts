/**
 * WebSocket close codes that clients of Holdfast may see.
 *
 * Source: RFC 6455 section 7.4.1 and the registry that it set up. Socket.IO clients reconnect after
 * any of them; the codes tell people and logs why.
 */

export const CLOSE_CODE = {
  /** The session ended as asked. */
  normal: 1000,
  /** Frames that RFC 6455 forbids. */
  protocolError: 1002,
  /** A text that is no UTF-8, or a compressed message that is no DEFLATE data. */
  invalidData: 1007,
  /** Cut for policy: malformed packets, no heartbeat, a queue too long. */
  policy: 1008,
  /** A message longer than `maxPayloadBytes` allows. */
  tooLong: 1009,
  /** The worker restarts or drains: connect again. */
  restart: 1012,
  /** Refused after the upgrade, at capacity: try again later. */
  tryAgainLater: 1013,
} as const;
