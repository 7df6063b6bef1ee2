/**
 * Where other nodes are, as the controller writes it for its workers: JSON, which says what other
 * hosts said of themselves and is judged as theirs.
 */

import { parsed } from '../../../host/foreign/parsed.ts';
import type { NodePlace } from '../../core/contracts/cluster.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MAX_NODE } from '../../protocol/session-id.ts';

const PORT_MAX = 65_535;
/** A name of DNS, or an address, perhaps with its zone. */
const HOST = /^[A-Za-z0-9._:%-]{1,253}$/;

export function writePlaces(places: readonly NodePlace[]): string {
  return JSON.stringify(places.map(({ node, host, ports }) => ({ node, host, ports })));
}

/** @throws Error with what is wrong */
export function readPlaces(text: string): readonly NodePlace[] {
  const places = parsed(text);
  if (!Array.isArray(places)) throw new Error('the places of nodes are no list');
  if (places.length > LIMITS.clusterNodes) {
    throw new Error(`the places of ${places.length} nodes are more than ${LIMITS.clusterNodes}`);
  }
  return places.map(readPlace);
}

function readPlace(given: unknown): NodePlace {
  const { node, host, ports } = (given ?? {}) as Readonly<Record<string, unknown>>;
  if (!isWhole(node, MAX_NODE)) throw new Error('the place of a node has no number of it');
  if (typeof host !== 'string' || !HOST.test(host)) {
    throw new Error(`the place of node ${node} has a host that is neither a name nor an address`);
  }
  const isRight =
    Array.isArray(ports) &&
    ports.length <= LIMITS.workersPerNode &&
    ports.every((port) => isWhole(port, PORT_MAX));
  if (!isRight) throw new Error(`the place of node ${node} has no ports of its workers`);
  return { node, host, ports: [...(ports as readonly number[])] };
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}
