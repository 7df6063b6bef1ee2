/** The control row: `Bun.serve` with one native topic and nothing else, the runtime's floor. */

import type { Contestant } from './contract.ts';
import { launch } from './launch.ts';

export const bare: Contestant = {
  name: 'bare',
  title: 'bare Bun.serve',
  protocol: 'websocket',
  expectedSeconds: 25,
  start: (children) => launch({ runtime: 'bun', file: 'bare.ts', path: '/' }, children),
};
