/** To which other nodes a message goes: by what they want to hear, and by the ids of sessions. */

import { FrameReader } from '../../protocol/frame.ts';
import { namespaceKey, roomKey, userKey } from '../../protocol/interest-key.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import { BusFrame, type Route, RouteScope, readRoute } from '../bus/bus-frame.ts';
import type { Peer } from './peer.ts';
import type { Peers } from './peers.ts';

export function peersFor(route: Route, peers: Peers): readonly Peer[] {
  if (peers.size === 0) return [];
  const all = [...peers.all];
  if (route.scope === RouteScope.allWorkers) return all;
  const keys = keysOf(route);
  const owners = new Set(route.rooms.map((room) => decodeSessionId(room)?.node));
  return all.filter((peer) => owners.has(peer.node) || keys.some((key) => peer.wants(key)));
}

function keysOf({ namespace, rooms, users }: Route): readonly string[] {
  if (rooms.length === 0 && users.length === 0) return [namespaceKey(namespace)];
  return [
    ...rooms.map((room) => roomKey(namespace, room)),
    ...users.map((user) => userKey(namespace, user)),
  ];
}

/** What is said to a room next must not wait for a node's word that it has it. */
export function expectJoins(peers: readonly Peer[], namespace: string, body: Uint8Array): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const frame = new FrameReader(BusFrame.command, bytes);
  readRoute(frame);
  const nowMs = performance.now();
  for (const room of frame.texts()) {
    for (const peer of peers) peer.expect(roomKey(namespace, room), nowMs);
  }
}
