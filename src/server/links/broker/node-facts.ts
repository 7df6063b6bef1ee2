/** What a node tells others of itself, once a second: JSON, which is judged when it comes. */

import { parsedOrNothing } from '../../../host/foreign/parsed.ts';
import { MAX_WORKER } from '../../protocol/session-id.ts';

export interface FactsOfNode {
  /** Under which other hosts reach its workers. */
  readonly host: string;
  readonly publicPort: number;
  /** Ports of its workers for other nodes; 0 where there is none yet. */
  readonly ports: readonly number[];
  /** That it serves, as far as they are told. */
  readonly namespaces: readonly string[];
}

const HOST = /^[A-Za-z0-9._:%-]{1,253}$/;
const PORT_MAX = 65_535;
/** Told once a second, to all nodes. */
const NAMESPACES_MAX = 100;
const NAMESPACE_LENGTH_MAX = 256;

/** @returns nothing for what is not understood */
export function readFacts(text: string): FactsOfNode | undefined {
  const said = parsedOrNothing(text);
  if (typeof said !== 'object' || said === null) return undefined;
  const { host, publicPort, ports, namespaces } = said as Partial<
    Record<keyof FactsOfNode, unknown>
  >;
  if (typeof host !== 'string' || !HOST.test(host) || !isPort(publicPort)) return undefined;
  if (!Array.isArray(ports) || ports.length > MAX_WORKER + 1 || !ports.every(isPort)) {
    return undefined;
  }
  if (!Array.isArray(namespaces) || !areNamespaces(namespaces)) return undefined;
  return { host, publicPort, ports: ports as number[], namespaces };
}

/** Whether these may be the names of namespaces, and no more of them than are told. */
export function areNamespaces(values: readonly unknown[]): values is readonly string[] {
  return values.length <= NAMESPACES_MAX && values.every(isNamespace);
}

function isNamespace(value: unknown): boolean {
  const isText = typeof value === 'string' && value.startsWith('/') && value.isWellFormed();
  return isText && value.length <= NAMESPACE_LENGTH_MAX;
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= PORT_MAX;
}

/** A node as logs and reports name it. */
export function nodeId(node: number): string {
  return node.toString(16).padStart(6, '0');
}
