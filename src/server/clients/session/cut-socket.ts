/** What stands in the place of a socket that was cut off, until its session has ended. */

import type { FrameHandler, FrameSocket } from '../../core/contracts/client-connection.ts';

/** Nobody hears what a socket brings after it was cut. */
export const NO_HANDLER: FrameHandler = {
  onFrame: () => {},
  onSocketClose: () => {},
};

/** Takes whatever is sent, and forgets it. */
export const CUT_SOCKET: FrameSocket = {
  data: NO_HANDLER,
  send: (frame) => frame.length || 1,
  sendShared: ({ text }) => text.length || 1,
  cork: (callback) => callback(),
  close: () => {},
  terminate: () => {},
  getBufferedAmount: () => 0,
  pause: () => {},
  resume: () => {},
};
