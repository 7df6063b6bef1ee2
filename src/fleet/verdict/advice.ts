/**
 * What each name under which connections fail or are lost means, and what to change: one table.
 * It also says on whose side the cause lies, since a fleet that ran out of something itself says
 * nothing about the server.
 */

import { grouped } from '../settings/numbers.ts';

/** `agent`: the fleet's own host was the limit. */
export type Side = 'agent' | 'server' | 'network';

export interface Advice {
  readonly side: Side;
  /** What happened; begins in the middle of a sentence. */
  readonly meaning: string;
  /** What to change; a whole sentence. */
  readonly change: string;
}

export interface AdviceContext {
  /** Local ports of the agents' host; undefined when not known. */
  readonly localPorts: number | undefined;
  /** Source addresses that the agents bind; 0 when the kernel chooses. */
  readonly sources: number;
  readonly targets: number;
}

interface Entry {
  readonly side: Side;
  readonly meaning: string | ((context: AdviceContext) => string);
  readonly change: string;
}

const MORE_PORTS =
  'Name more local addresses with --source, or widen the range: ' +
  'sysctl -w net.ipv4.ip_local_port_range="1024 65535".';

const SERVER_LOG =
  "Look at the server's log, its open-file limit (ulimit -n) and its memory, or lower --rate.";

const ENTRIES: Readonly<Record<string, Entry>> = {
  EADDRNOTAVAIL: { side: 'agent', meaning: outOfPorts, change: MORE_PORTS },
  EADDRINUSE: { side: 'agent', meaning: outOfPorts, change: MORE_PORTS },
  EMFILE: {
    side: 'agent',
    meaning: 'an agent has used up its open-file limit',
    change:
      'Raise the limit where the agents start (ulimit -n), or use more of them: --processes ' +
      'here, --agent for other hosts.',
  },
  ENFILE: {
    side: 'agent',
    meaning: 'the host of the agents has no open files left',
    change: 'Raise it there: sysctl -w fs.file-max=4000000.',
  },
  ENOBUFS: {
    side: 'agent',
    meaning: 'the kernel on the host of the agents has no memory for more sockets',
    change: 'Raise net.ipv4.tcp_mem there (holdfast doctor says to what), or use another host.',
  },
  ENOMEM: {
    side: 'agent',
    meaning: 'the host of the agents is out of memory',
    change: 'Use a host with more memory, or more hosts with --agent.',
  },
  EACCES: {
    side: 'agent',
    meaning: 'the host of the agents forbids the connection',
    change: 'Look at its firewall and at the limits of its container.',
  },
  EPERM: {
    side: 'agent',
    meaning: 'a firewall on the host of the agents, or its full conntrack table, forbids it',
    change: 'Look at its firewall, and raise net.netfilter.nf_conntrack_max.',
  },
  ECONNREFUSED: {
    side: 'server',
    meaning: 'nothing listened at the target, or its host could not be reached',
    change: 'See whether the server still runs, and whether --target names its host and port.',
  },
  ECONNRESET: {
    side: 'server',
    meaning:
      'the server, or something before it, broke connections off, as happens when open files, ' +
      'memory or the listen queue run out',
    change: SERVER_LOG,
  },
  EPIPE: {
    side: 'server',
    meaning: 'the server had closed the connection before the handshake was sent',
    change: SERVER_LOG,
  },
  ETIMEDOUT: {
    side: 'network',
    meaning: 'packets got no answer: a full listen queue, firewall or conntrack table drops them',
    change:
      'Raise net.core.somaxconn, net.ipv4.tcp_max_syn_backlog and nf_conntrack_max on the server ' +
      '(holdfast doctor says to what), or lower --rate.',
  },
  EHOSTUNREACH: {
    side: 'network',
    meaning: "the network knows no way to the target's host",
    change: 'Correct the address in --target, or the routes and firewalls between.',
  },
  ENETUNREACH: {
    side: 'network',
    meaning: "the network knows no way to the target's network",
    change: 'Correct the address in --target, or the routes of the host of the agents.',
  },
  ENOTFOUND: {
    side: 'network',
    meaning: 'the name of the target has no address',
    change: 'Correct the name in --target, or use the address itself.',
  },
  EAI_AGAIN: {
    side: 'network',
    meaning: 'the name server gave no answer',
    change: 'Use the address of the target instead of its name.',
  },
  'ping timeout': {
    side: 'server',
    meaning: 'the server sent no heartbeat for its own pingInterval and pingTimeout together',
    change:
      "Look at the server's CPU and event loop; a network that lost its packets does the same.",
  },
  'poll timeout': {
    side: 'server',
    meaning: 'a poll got no answer, not even an empty one after the time that the server holds it',
    change:
      "Look at the server's CPU and event loop; a network that lost its packets does the same.",
  },
  'stream ended': {
    side: 'server',
    meaning: 'the server ended an answer that was to have no end',
    change: 'See whether the server, or a proxy with a bound on answers, ended it.',
  },
  disconnected: {
    side: 'server',
    meaning: 'the server said that the session is over, as an app does, or a node that drains',
    change:
      'See whether it was stopped, drained or restarted during the run; else look at the app.',
  },
  'session forgotten': {
    side: 'server',
    meaning: 'the server did not know the session of a poll any more and began another one',
    change:
      'See whether a worker ended; polls of agents that are late by its pingTimeout look the same.',
  },
  'handshake timeout': {
    side: 'server',
    meaning: 'the kernel took the connection, but the server did not finish the handshake in 20 s',
    change:
      'The server takes connections too slowly or has no open files left for them: look at its ' +
      'CPU and at ulimit -n, or lower --rate.',
  },
  refused: {
    side: 'server',
    meaning: 'the app refused the session',
    change: 'Give what it wants with --auth.',
  },
  'not the protocol': {
    side: 'server',
    meaning: 'the answer was not in the protocol',
    change: 'Correct --target or --protocol; a proxy in between may have answered instead.',
  },
  'unfinished messages': {
    side: 'agent',
    meaning: 'an agent held more of messages whose rest had not come than it has room for',
    change: 'Use more agents, or have the server send shorter messages, each to its end.',
  },
  'other names': {
    side: 'network',
    meaning: 'an agent had counted a hundred names already, and counts no more apart',
    change: 'Look at the other names first; a server that invents close codes has such.',
  },
  closed: {
    side: 'server',
    meaning: 'the connection ended without a word',
    change: `See whether the server, or a proxy with a timeout, ended it. ${SERVER_LOG}`,
  },
  'closed 1000': {
    side: 'server',
    meaning: 'the server said goodbye',
    change: 'Look at what the app does with sessions after a while.',
  },
  'closed 1001': {
    side: 'server',
    meaning: 'the server went away',
    change: 'See whether it was stopped or restarted during the run.',
  },
  'closed 1005': {
    side: 'server',
    meaning: 'the server closed without a reason',
    change: SERVER_LOG,
  },
  'closed 1006': {
    side: 'server',
    meaning: 'the connection broke',
    change: SERVER_LOG,
  },
  'closed 1008': {
    side: 'server',
    meaning:
      'the server ended sessions for what they did: too slow to read, heartbeats not answered in ' +
      'time, or not joined in time',
    change:
      "Compare with the agents' loop lag: agents that are late look like this. Else raise the " +
      "server's ping timeout and its bound on waiting bytes.",
  },
  'closed 1009': {
    side: 'server',
    meaning: 'the server found a message too long',
    change: "Lower --payload, or raise the server's bound on messages.",
  },
  'closed 1011': {
    side: 'server',
    meaning: 'the server had a fault of its own',
    change: "Look at the server's log.",
  },
  'closed 1012': {
    side: 'server',
    meaning: 'the server was stopped or restarted',
    change: 'Repeat the run without a restart; look why there was one.',
  },
  'closed 1013': {
    side: 'server',
    meaning: 'the server asks to come back later: it is overloaded',
    change: 'Lower --rate, or give the server more workers.',
  },
  'HTTP 401': {
    side: 'server',
    meaning: 'the server wants credentials',
    change: 'Put them into the query of --target, or into --auth.',
  },
  'HTTP 403': {
    side: 'server',
    meaning: 'the server forbids the session',
    change: 'Look at its rules for origins, addresses and credentials.',
  },
  'HTTP 404': {
    side: 'server',
    meaning: 'nothing answers this protocol under the path of the target',
    change: 'Correct the path of --target, or --protocol.',
  },
  'HTTP 429': {
    side: 'server',
    meaning: 'a limit on the rate of one client address was hit',
    change: 'Raise that limit for the run, lower --rate, or use more addresses with --source.',
  },
  'HTTP 503': {
    side: 'server',
    meaning: 'the server is at capacity, or was not ready',
    change:
      'Give it more workers or a higher open-file limit (holdfast doctor --connections N), or ' +
      'ask for fewer connections.',
  },
};

/** For names that no entry has. */
const BY_PATTERN: readonly (readonly [RegExp, Entry])[] = [
  [
    /^HTTP 4/,
    {
      side: 'server',
      meaning: 'the server refused the request',
      change: 'Correct --target, --protocol or --auth.',
    },
  ],
  [
    /^HTTP 3/,
    {
      side: 'server',
      meaning: 'the server sends clients elsewhere',
      change: 'Name that other address as --target.',
    },
  ],
  [
    /^HTTP/,
    {
      side: 'server',
      meaning: 'the server, or a proxy before it, failed at the request',
      change: "Look at the server's log and at the proxy's limits.",
    },
  ],
  [
    /^closed/,
    {
      side: 'server',
      meaning: 'the server closed the session with this code',
      change: 'Look up the code in its documentation, and at its log.',
    },
  ],
];

const UNKNOWN: Entry = {
  side: 'network',
  meaning: 'the system gave this name',
  change: 'See what stands under it in `man errno`, and in the logs of the server and its host.',
};

/** @param name as agents give it (agent/contract.ts) */
export function adviseOn(name: string, context: AdviceContext): Advice {
  // A name may be one that every object has, such as `constructor`.
  const known = Object.hasOwn(ENTRIES, name) ? ENTRIES[name] : undefined;
  const entry = known ?? BY_PATTERN.find(([pattern]) => pattern.test(name))?.[1] ?? UNKNOWN;
  const { side, meaning, change } = entry;
  return { side, change, meaning: typeof meaning === 'string' ? meaning : meaning(context) };
}

/** Names that the table itself knows. */
export const ADVISED_NAMES: readonly string[] = Object.keys(ENTRIES);

/** A source that is named has its ports for all targets together (local-ports.ts). */
function outOfPorts({ localPorts, sources, targets }: AdviceContext): string {
  const what = 'the host of the agents ran out of local ports';
  if (localPorts === undefined) return what;
  const ports = `${grouped(localPorts)} ports`;
  const [count, one, many] =
    sources > 0
      ? [sources, 'source address', 'source addresses']
      : [targets, 'pair of source and target address', 'pairs of source and target address'];
  if (count === 1) return `${what}: there is one ${one}, which has ${ports}`;
  return `${what}: there are ${grouped(count)} ${many} with ${ports} each`;
}
