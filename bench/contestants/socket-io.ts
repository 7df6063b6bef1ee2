/** Socket.IO on Node, configured as its own performance guide advises. */

import { type Contestant, USER_AUTH } from './contract.ts';
import { launch } from './launch.ts';

export const SOCKET_IO_PATH = '/socket.io/?EIO=4&transport=websocket';

export const socketIo: Contestant = {
  name: 'socket.io',
  title: 'Socket.IO (Node)',
  protocol: 'socket-io',
  auth: USER_AUTH,
  expectedSeconds: 48,
  start: (children) =>
    launch({ runtime: 'node', file: 'socket-io.mjs', path: SOCKET_IO_PATH }, children),
};
