/**
 * What a waiting client costs a worker in memory, in bytes, beside the kernel's share.
 *
 * Measured: docs/BENCHMARKS.md says how, and a test holds these figures to it. Where there is none
 * yet it is null, and the page says so.
 */

export const WAITING_BYTES = {
  'socket-io': 2092,
  websocket: 1957,
  sse: 2689,
  stream: 2769,
  polling: 3382,
};
