/**
 * Frames between two workers, of one node or of two: `edge` holds a client's request or socket,
 * `owner` its session.
 *
 * Requests and sockets are numbered by the edge. Fields are listed in the order they are written;
 * see `protocol/frame.ts` for their encoding.
 */

export const PeerFrame = {
  /** edge → owner: request, session id */
  poll: 1,
  /** edge → owner: request */
  abandon: 2,
  /** edge → owner: request, session id, whole (0 when the request broke off), body */
  post: 3,
  /** edge → owner: request, session id */
  knows: 4,
  /** edge → owner: socket, session id, text only (0 or 1) */
  offer: 5,
  /** edge → owner: socket, kind (0 text, 1 binary), data */
  frame: 6,
  /** edge → owner: socket */
  closed: 7,
  /** owner → edge: request, status, content type, body */
  answer: 8,
  /** owner → edge: request, verdict (0 or 1) */
  verdict: 9,
  /**
   * owner → edge: number of data, each kind (0 text, 1 binary) and data; number of sends, each
   * socket and place of its data
   */
  send: 10,
  /** owner → edge: socket, code, reason */
  close: 11,
  /** edge → owner: request, session id */
  beginPost: 12,
  /** owner → edge: socket. What waits for its client is forgotten. */
  terminate: 13,
  /** owner → edge: socket, whether it is read (0 or 1) */
  reading: 14,
  /** edge → owner: socket. It is to answer when it has taken what came before. */
  askTaken: 15,
  /** owner → edge: socket */
  taken: 16,
  /** either way between nodes: 0. Nothing but a sign that the other host is there. */
  alive: 17,
} as const;

export const FRAME_TEXT = 0;
export const FRAME_BINARY = 1;
