/**
 * Local ports. A server needs none for its clients; who connects to it does: the fleet, and a proxy
 * in front. While the kernel chooses the source, each pair of source and target address has the
 * whole range; a source that is named is bound before the target is known, and then has one range
 * for all targets together.
 */

import { listeningPorts } from '../machine/network-counters.ts';
import { readSysctl, sysctlNumber, sysctlNumbers } from '../machine/sysctl.ts';
import { type Check, type Finding, type Settings, settingsWarning, skipped } from './check.ts';
import type { Outlook } from './outlook.ts';
import { count } from './quantities.ts';
import { RANGE, RESERVED } from './reach.ts';

const PORT_MAX = 65_535;
/** A closed connection keeps its port for so long; it cannot be set. */
const TIME_WAIT_SECONDS = 60;
/**
 * From half of the range on the kernel searches long for a free port, so that the fleet takes one
 * source for so many connections, and for no more than a quarter of the range.
 */
const FLEET_SOURCE_CONNECTIONS = 5_000;
const FLEET_SOURCE_PART = 0.25;

type Range = readonly [first: number, last: number];

function readRange({ host }: Outlook): Range | undefined {
  const [first, last] = sysctlNumbers(host, RANGE) ?? [];
  return first === undefined || last === undefined ? undefined : [first, last];
}

/** Ports that a node listens on. */
function nodePorts({ goal: { node }, workers }: Outlook): readonly Range[] {
  const { publicPort, adminPort, workerPortBase: base } = node;
  const own: readonly Range[] = base === undefined ? [] : [[base, base + workers - 1]];
  const single: readonly Range[] = [
    [publicPort, publicPort],
    [adminPort, adminPort],
  ];
  // A port 0 is whatever is free at the start: nothing to reserve.
  return [...single, ...own].filter(([first]) => first !== 0);
}

/** The ranges in a list such as `8500-8553,8600`. */
function parseRanges(text: string): readonly Range[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return [first, last];
    });
}

function isCovered([first, last]: Range, by: readonly Range[]): boolean {
  return by.some(([from, to]) => from <= first && last <= to);
}

/** The reserved ports of the host with some more; what is reserved stays so. */
function withReserved({ host }: Outlook, more: readonly Range[]): Settings {
  const before = parseRanges(readSysctl(host, RESERVED) ?? '');
  const added = more.filter((range) => !isCovered(range, before));
  if (added.length === 0) return {};
  const all = [...before, ...added].toSorted(([a], [b]) => a - b);
  const words = all.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return { [RESERVED]: words.join(',') };
}

const range: Check = {
  name: 'local port range',
  symptom: 'EADDRNOTAVAIL in the fleet or in a proxy in front; 502 from the proxy',
  examine(outlook): Finding {
    const { host, goal } = outlook;
    const now = readRange(outlook);
    if (now === undefined) return skipped(`this kernel has no ${RANGE}`);
    const lowest = Math.max(1024, sysctlNumber(host, 'net.ipv4.ip_unprivileged_port_start') ?? 0);
    const most = PORT_MAX - lowest + 1;
    const ports = now[1] - now[0] + 1;
    const read = `${now.join('–')}: ${count(ports)} from an address`;
    const isEnough = ports >= Math.min(goal.connections, most);
    const needs = rangeNeeds(goal.connections, ports, isEnough ? ports : most);
    if (isEnough) return { state: 'ok', read, needs };
    const [first, last] = [Math.min(now[0], lowest), PORT_MAX];
    const uncovered = listeningPorts(host)
      .filter((port) => port >= first && port < now[0])
      .map((port): Range => [port, port]);
    const toReserve = [...nodePorts(outlook), ...uncovered].filter(([port]) => port >= first);
    return settingsWarning({
      read,
      needs,
      consequence:
        `from one address to one address, connection ${count(ports + 1)} fails; ` +
        'real clients, each with its own address, are not affected; in the wider range clients ' +
        'may take any port that nothing listens on now: reserve those of servers that start later',
      // Reserved first: in between, a client could take the port of a server.
      settings: { ...withReserved(outlook, toReserve), [RANGE]: `${first} ${last}` },
    });
  },
};

const reserved: Check = {
  name: 'reserved ports',
  symptom: 'EADDRINUSE when a node or a worker starts, at times only',
  examine(outlook): Finding {
    const now = readRange(outlook);
    const text = readSysctl(outlook.host, RESERVED);
    if (now === undefined || text === undefined) return skipped(`this kernel has no ${RESERVED}`);
    const own = nodePorts(outlook);
    const inRange = own.filter(([first, last]) => last >= now[0] && first <= now[1]);
    const missing = inRange.filter((ports) => !isCovered(ports, parseRanges(text)));
    const words = (ranges: readonly Range[]): string =>
      ranges.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(', ');
    const read = text === '' ? 'none reserved' : text.replaceAll(',', ', ');
    const needs =
      inRange.length === 0
        ? `none: ${words(own)} are outside ${now.join('–')}`
        : `${words(inRange)}, which lie in ${now.join('–')}`;
    if (missing.length === 0) return { state: 'ok', read, needs };
    return settingsWarning({
      read,
      needs,
      consequence: 'any outgoing connection of this host may hold the port of the node',
      settings: withReserved(outlook, missing),
    });
  },
};

const timeWait: Check = {
  name: 'tcp_tw_reuse',
  symptom: 'EADDRNOTAVAIL when all come back at once',
  examine(outlook): Finding {
    const reuse = sysctlNumber(outlook.host, 'net.ipv4.tcp_tw_reuse');
    if (reuse === undefined) return skipped('this kernel has no net.ipv4.tcp_tw_reuse');
    const meanings = ['0: never', '1: for all', '2: on loopback'];
    const read = meanings[reuse] ?? String(reuse);
    const needs = '1 or 2, for a fleet or a proxy on this host';
    if (reuse > 0) return { state: 'ok', read, needs };
    const [first = 0, last = 0] = readRange(outlook) ?? [];
    const rate = Math.floor((last - first + 1) / TIME_WAIT_SECONDS);
    return settingsWarning({
      read,
      needs,
      consequence:
        `a closed connection keeps its port for ${TIME_WAIT_SECONDS} s, so that a pair of ` +
        `addresses makes no more than ${count(rate)} connections a second`,
      settings: { 'net.ipv4.tcp_tw_reuse': '2' },
    });
  },
};

/** @param portsMost with all ports that there are */
function rangeNeeds(connections: number, ports: number, portsMost: number): string {
  const pairs = Math.ceil(connections / ports);
  const each = Math.min(FLEET_SOURCE_CONNECTIONS, Math.floor(ports * FLEET_SOURCE_PART));
  const sources = Math.ceil(connections / Math.max(1, each));
  const withAll = Math.ceil(connections / portsMost);
  const proxy =
    pairs === 1
      ? `${count(connections)} from one address to one address`
      : `${count(pairs)} pairs of source and target address for a proxy` +
        (withAll === pairs ? '' : ` (with all ports ${count(withAll)})`);
  return sources === 1 ? proxy : `${proxy}; ${count(sources)} --source addresses for a fleet`;
}

export const portChecks: readonly Check[] = [range, reserved, timeWait];
