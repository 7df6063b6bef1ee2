/** A target of the fleet: the URL as agents are told it, and what is known of its address. */

import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { FleetError } from './fleet-error.ts';

export interface Target {
  /** What agents connect to. Without a path it stands for that of the protocol. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

export interface ResolvedTarget extends Target {
  /** The first address of the host, which is one of IPv4 where there is such. */
  readonly address: string;
  readonly isLoopback: boolean;
  /** Whether this host itself has the address. */
  readonly isLocal: boolean;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'ws:': 80,
  'http:': 80,
  'wss:': 443,
  'https:': 443,
};

/** @throws FleetError when it is no URL of a server */
export function parseTarget(text: string): Target {
  const url = URL.parse(text);
  const defaultPort = url === null ? undefined : DEFAULT_PORTS[url.protocol];
  if (url === null || defaultPort === undefined || url.hostname === '' || url.hash !== '') {
    throw new FleetError(
      `The target "${text}" is no URL of a server; write it like ws://host:8500 or http://host:8500.`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new FleetError(`The target on ${url.host} holds a user name; use --auth instead.`);
  }
  if (url.port === '0') {
    throw new FleetError(`The target "${text}" has port 0; name the port the server listens on.`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPathless = /^\w+:\/\/[^/?]*(\?|$)/.test(text.trim());
  return {
    url: isPathless ? withoutPath(url) : url.href,
    host,
    port: Number(url.port) || defaultPort,
  };
}

/** The same target by another name of its host. */
export function atHost({ url }: Target, hostname: string): string {
  const changed = new URL(url);
  changed.hostname = hostname;
  return url === withoutPath(new URL(url)) ? withoutPath(changed) : changed.href;
}

function withoutPath({ protocol, host, search }: URL): string {
  return `${protocol}//${host}${search}`;
}

/** A URL as it may be shown and recorded: without user, password and the values of its query. */
export function shownUrl(text: string): string {
  const url = new URL(text);
  if (url.username === '' && url.password === '' && url.search === '') return text;
  url.username = '';
  url.password = '';
  const parts = url.search === '' ? [] : url.search.slice(1).split('&');
  url.search = parts.map((part) => part.replace(/^([^=]*=)?.*$/s, '$1***')).join('&');
  return url.href;
}

/** @throws FleetError when the host has no address */
export async function resolveTarget(target: Target): Promise<ResolvedTarget> {
  const address = await addressOf(target);
  const isLoopback = address === '::1' || address.startsWith('127.');
  return { ...target, address, isLoopback, isLocal: isLoopback || isOwnAddress(address) };
}

async function addressOf({ host }: Target): Promise<string> {
  try {
    const found = await lookup(host, { all: true });
    const [first] = found.toSorted((a, b) => a.family - b.family);
    if (first !== undefined) return first.address;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new FleetError(`The host ${host} of the target has no address (${code}); correct it.`, {
      cause,
    });
  }
  throw new FleetError(`The host ${host} of the target has no address; correct it.`);
}

function isOwnAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((entries) =>
    entries?.some((entry) => entry.address === address),
  );
}
