/**
 * The small client: what browsers, Node.js and Bun import from `holdfast/client`, and what pages
 * load from a node as `/holdfast.js`. It speaks docs/PROTOCOL.md and needs nothing of the server.
 */

import type { AnyEvents, Client, ClientOptions, EventsOf } from './contract.ts';
import { LiveClient } from './live-client.ts';

export { type ErrorCode, HoldfastError } from './client-error.ts';
export type {
  AnyEvents,
  AnyHandler,
  Asking,
  Auth,
  Client,
  ClientOptions,
  EventsOf,
  RoomPresence,
  SocketLike,
  State,
  StateChange,
  TransportName,
} from './contract.ts';

/**
 * Connects to a node, and stays connected until `close` or until the server says to stay away.
 *
 * @param url of the node, with `http(s):` or `ws(s):`; in pages it may be relative: `/`. Its query
 *   goes along
 * @typeParam Listen the events that come, each as the function that takes it
 * @typeParam Emit the events that are sent; what a function returns is the value of its ack
 * @throws TypeError for a URL that is none
 * @example
 *     const client = connect('https://live.example.com', { rooms: ['match:42'] });
 *     client.on('goal', (team) => console.log(team));
 *     const count = await client.emitWithAck('cheer', 'home');
 */
export function connect<
  Listen extends EventsOf<Listen> = AnyEvents,
  Emit extends EventsOf<Emit> = AnyEvents,
>(url: string, options: ClientOptions = {}): Client<Listen, Emit> {
  return new LiveClient(url, options) as unknown as Client<Listen, Emit>;
}
