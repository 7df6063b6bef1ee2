/** Sets of transports as bits, as they are kept and as they travel. */

import type { TransportName } from '../../core/app/app.ts';

/** In the order of their bits. */
const TRANSPORTS: readonly TransportName[] = ['polling', 'websocket', 'sse', 'stream'];

export function transportMask(transports: readonly TransportName[]): number {
  return transports.reduce((mask, name) => mask | (1 << TRANSPORTS.indexOf(name)), 0);
}

/** Bits that stand for nothing are passed over. */
export function transportsIn(mask: number): readonly TransportName[] {
  return TRANSPORTS.filter((_, bit) => (mask & (1 << bit)) !== 0);
}
