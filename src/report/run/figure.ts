/** One figure of a run: its name, its value with a unit, and how it was computed, in words. */

import type { Unit } from './format.ts';

/** The names are a contract of `holdfast report --json`. */
export type FigureName =
  | 'connectionsHeld'
  | 'heldSeconds'
  | 'workerBytesPerSession'
  | 'heapBytesPerSession'
  | 'serverBytesPerSession'
  | 'kernelBytesPerSession'
  | 'kernelBytesPerSocket'
  | 'idleMicrosPerSessionSecond'
  | 'microsPerDelivery'
  | 'handshakesPerSecond'
  | 'handshakesPerSecondBest'
  | 'microsPerHandshake'
  | 'serverBytesMax'
  | 'availableBytesMin'
  | 'loopLagHoldMs'
  | 'collectionHoldMs';

export interface Figure {
  readonly name: FigureName;
  readonly label: string;
  readonly unit: Unit;
  /** Undefined when the logs do not support it. */
  readonly value: number | undefined;
  /** How it was computed, or why it could not be. */
  readonly how: string;
}

/** The part of a figure that depends on the run. */
export type Measured = Pick<Figure, 'value' | 'how'>;
