/** Plain WebSocket: the upgrade is the session, and every text frame is a delivery. */

import { encodeFrame, OPCODE_PONG } from './frames.ts';
import type { Protocol } from './protocol.ts';

export const plain: Protocol = {
  establishedByUpgrade: true,
  meaning: () => 'delivery',
  connectFrame() {
    throw new Error('plain WebSocket has no CONNECT frame');
  },
  pongFrame: encodeFrame(OPCODE_PONG, ''),
};
