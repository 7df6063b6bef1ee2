/** What the bench, its load client and the servers have in common. */

/** What is said to a user: 50 characters. */
export const PAYLOAD: string = '.'.repeat(50);

/** Users and their sessions, spread evenly over the nodes. */
export interface Fill {
  readonly kind: 'fill';
  /** One a node. */
  readonly ports: readonly number[];
  readonly users: number;
}

/** Say things for so long, so many of them under way. */
export interface Say {
  readonly kind: 'say';
  readonly milliseconds: number;
  readonly window: number;
  /** How many users one event of a client names: the messages said in one turn of a node. */
  readonly batch: number;
  /** Nodes that it is said on, and nodes whose users it is said to; all when left out. */
  readonly from?: readonly number[];
  readonly to?: readonly number[];
}

export type Order = Fill | Say;

/** What came of it. `lost` was said and not heard until some seconds after the end. */
export interface Said {
  readonly said: number;
  readonly delivered: number;
  readonly lost: number;
  /** While it was being said, without what came after. */
  readonly perSecond: number;
}
