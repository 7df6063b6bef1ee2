/** The `ws` package on Node: what most Node servers, Socket.IO among them, are built on. */

import type { Contestant } from './contract.ts';
import { launch } from './launch.ts';

export const ws: Contestant = {
  name: 'ws',
  title: 'ws (Node)',
  protocol: 'websocket',
  expectedSeconds: 33,
  start: (children) => launch({ runtime: 'node', file: 'ws.mjs', path: '/' }, children),
};
