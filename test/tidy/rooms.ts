/**
 * The plan of the house: which rooms there are, what each is for, and which may import which.
 *
 * A room is a folder; a file belongs to the deepest one around it. docs/ARCHITECTURE.md shows the
 * same table to people, and `tidy.test.ts` holds the page, the folders and the imports to this one.
 * Arrows go down only: a room may import those named here, and none of them leads back to it.
 */

/** How an import is written: `import type`, `import()`, or any other way. */
export type Manner = 'type' | 'dynamic' | 'value';

export interface Room {
  /** One sentence, as docs/ARCHITECTURE.md has it. */
  readonly purpose: string;
  /** Rooms of `src` it may import, by their path without `src/`, and in which manner. */
  readonly imports?: Readonly<Record<string, Manner | 'any'>>;
  /** The modules that other rooms may import; without it, all are. */
  readonly entries?: readonly string[];
  /** Bytes in, values out: it imports nothing of Bun or Node either, save modules named here. */
  readonly pure?: true | readonly string[];
}

/** More rooms than this beside each other are no longer seen at one look. */
export const ROOMS_PER_LEVEL_MAX = 8;

const CORE = {
  'server/core/app': 'any',
  'server/core/contracts': 'any',
  'server/core/delivery': 'any',
  'server/core/limits': 'any',
  'server/core/limits/places': 'any',
  'server/core/log': 'any',
  'server/core/rooms': 'any',
  'server/core/sessions': 'any',
  'server/core': 'any',
} as const;

/** By path, from the bottom up: no room imports one further down in this list. */
export const ROOMS: Readonly<Record<string, Room>> = {
  'src/host/runtime': {
    purpose: 'strings that strangers choose, kept from colliding in the tables of the runtime',
    pure: true,
  },
  'src/host/foreign': {
    purpose:
      'what comes from elsewhere: text made visible, answers bounded, files and names judged',
    imports: { 'host/runtime': 'any' },
  },
  'src/report/recording': {
    purpose: 'the records of a run: their form, writing and reading them',
    imports: { 'host/foreign': 'any' },
  },
  'src/host/access': {
    purpose: 'who may give orders: tokens, how they are left and compared, certificates, loopback',
    imports: { 'host/foreign': 'any' },
  },
  'src/host/config': {
    purpose: 'one schema: validation, defaults, names of variables and flags, docs page',
    imports: { 'host/foreign': 'any', 'host/access': 'any' },
    entries: [
      'broker-url.ts',
      'broker.ts',
      'fields.ts',
      'identity.ts',
      'load.ts',
      'rooms.ts',
      'schema.ts',
    ],
  },
  'src/host/machine': {
    purpose: 'what /proc, /sys and files of the system tell of processes, the kernel and the host',
    imports: { 'report/recording': 'type' },
  },
  'src/host/figures': {
    purpose: 'what a session costs, as measured, and the plan that follows from it',
  },
  'src/host/doctor': {
    purpose: 'checks of the host against a number of connections, and their fixes',
    imports: { 'host/foreign': 'any', 'host/machine': 'any', 'host/figures': 'any' },
    entries: ['apply.ts', 'checks.ts', 'diagnosis.ts', 'outlook.ts', 'quantities.ts'],
  },
  'src/host/generate': {
    purpose: 'files that an operator needs around a node, written from its config and host',
    imports: {
      'host/access': 'any',
      'host/config': 'any',
      'host/doctor': 'any',
      'host/figures': 'any',
    },
  },
  'src/host': { purpose: 'the machine and the settings: what a node runs on, and what with' },
  'src/report/run': {
    purpose: 'one recorded run as columns over time, and the figures computed from them',
    imports: { 'report/recording': 'any' },
  },
  'src/report/charts': {
    purpose: 'charts as data: one file a picture, what all of them share in `chart.ts`',
    imports: { 'report/recording': 'any', 'report/run': 'any' },
    entries: ['all.ts', 'chart.ts', 'compose.ts', 'palette.ts'],
  },
  'src/report/draw': {
    purpose: 'draws a chart, as SVG for light and dark and as PNG',
    imports: { 'host/foreign': 'any', 'report/charts': 'any', 'report/run': 'any' },
    entries: ['draw.ts', 'hover.ts', 'picture.ts'],
  },
  'src/report/page': {
    purpose: 'the one self-contained page of a report',
    imports: {
      'host/foreign': 'any',
      'report/recording': 'any',
      'report/run': 'any',
      'report/charts': 'any',
      'report/draw': 'any',
    },
    entries: ['page-figures.ts', 'page.ts'],
  },
  'src/report': {
    purpose: 'recordings turned into charts and a page',
    imports: {
      'report/recording': 'any',
      'report/run': 'any',
      'report/charts': 'any',
      'report/draw': 'any',
      'report/page': 'any',
    },
  },
  'src/fleet/agent/wire': {
    purpose: 'what servers send, found in bytes: frames, answers, chunks, messages',
    pure: true,
  },
  'src/fleet/agent': {
    purpose: 'one agent: lean clients over raw TCP, and what it and the coordinator say',
    imports: {
      'fleet/agent/wire': 'any',
      'host/foreign': 'any',
      'host/access': 'any',
      'host/machine': 'any',
    },
    entries: ['contract.ts', 'histogram.ts', 'main.ts', 'swarm.ts'],
  },
  'src/fleet/settings': {
    purpose: 'what a user asks of a run, judged: targets, load, numbers',
    imports: { 'host/foreign': 'any', 'fleet/agent': 'any', 'host/access': 'any' },
  },
  'src/fleet/agent-group': {
    purpose: 'the agents as the coordinator has them: started, given orders, their answers summed',
    imports: {
      'fleet/agent': 'any',
      'fleet/settings': 'any',
      'host/access': 'any',
      'host/foreign': 'any',
      'host/machine': 'any',
      'report/recording': 'type',
    },
  },
  'src/fleet/target': {
    purpose: 'the server under load as it is seen from outside',
    imports: {
      'fleet/agent': 'any',
      'fleet/settings': 'any',
      'host/access': 'any',
      'host/foreign': 'any',
      'host/machine': 'any',
      'report/recording': 'type',
    },
  },
  'src/fleet/verdict': {
    purpose: 'pure functions from the facts of a run to a verdict and advice',
    imports: {
      'fleet/settings': 'any',
      'fleet/agent-group': 'any',
      'fleet/target': 'type',
      'report/recording': 'type',
    },
    entries: [
      'advice.ts',
      'facts.ts',
      'judged.ts',
      'limits-watch.ts',
      'message-findings.ts',
      'verdict.ts',
    ],
  },
  'src/fleet/coordinator': {
    purpose: 'the course of a run, and live control of it',
    imports: {
      'host/foreign': 'any',
      'fleet/agent': 'any',
      'fleet/settings': 'any',
      'fleet/agent-group': 'any',
      'fleet/target': 'any',
      'fleet/verdict': 'any',
      'host/access': 'any',
      'host/machine': 'any',
      'report/recording': 'any',
    },
    entries: ['fleet-run.ts', 'status.ts'],
  },
  'src/fleet/hosts': {
    purpose: 'hosts that agents were started on: how they are kept in a file, and found again',
    imports: {
      'fleet/agent': 'any',
      'fleet/settings': 'any',
      'host/access': 'any',
      'host/foreign': 'any',
    },
  },
  'src/fleet/hosts/ssh': {
    purpose: "agents on hosts that exist, by the system's ssh",
    imports: { 'fleet/hosts': 'any', 'fleet/settings': 'any' },
    entries: ['destination.ts', 'scripts.ts', 'ssh-hosts.ts'],
  },
  'src/fleet/hosts/ec2': {
    purpose: 'agents on rented instances: started, found by their tag, ended; what they cost',
    imports: { 'fleet/hosts': 'any', 'fleet/settings': 'any', 'host/foreign': 'any' },
    entries: ['ec2-fleet.ts', 'first-boot.ts', 'open-ec2.ts', 'order.ts', 'prices.ts'],
  },
  'src/fleet': {
    purpose: 'the load generator: agents with connections, and who gives them orders',
  },
  'src/server/protocol': {
    purpose: 'pure codecs: bytes in, values out; no I/O, no timers, no Bun',
    pure: ['node:crypto'],
  },
  'src/server/protocol/http': {
    purpose: 'HTTP/1.1 requests read and answers written, as bytes',
    imports: { 'server/protocol': 'any' },
    pure: true,
  },
  'src/server/protocol/plain': {
    purpose: 'messages of the plain protocol read, judged by its schema, and written',
    imports: { 'server/protocol': 'any', 'host/runtime': 'any' },
    pure: true,
  },
  'src/server/protocol/websocket': {
    purpose: 'WebSocket frames read and written, as bytes',
    imports: { 'server/protocol': 'any' },
    // Each of them is a function from bytes to bytes, too slow to write again in TypeScript.
    pure: ['node:buffer', 'node:zlib'],
    entries: [
      'frame-reader.ts',
      'frame-sink.ts',
      'frame-writer.ts',
      'half-message.ts',
      'message-deflate.ts',
      'opcode.ts',
      'opening-handshake.ts',
      'small-text.ts',
    ],
  },
  'src/server/core/log': { purpose: 'what parts of a worker say, and how often' },
  'src/server/core/limits': {
    purpose: 'bounds that are no config keys, budgets, why things are refused, what is counted',
    imports: { 'server/protocol': 'any', 'server/core/log': 'type' },
  },
  'src/server/core/app': {
    purpose: "the app's contract, the calls of its handlers, files that it serves",
    imports: {
      'host/foreign': 'any',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/protocol': 'any',
    },
  },
  'src/server/core/contracts': {
    purpose: 'what the core asks of those around it: clients, links, brokers, state',
    imports: {
      'server/core/app': 'type',
      'server/core/limits': 'type',
      'server/protocol': 'type',
      'host/config': 'type',
    },
  },
  'src/server/core/limits/places': {
    purpose: 'who may have a place on a worker, and who makes place when there is none left',
    imports: { 'server/core/contracts': 'any', 'server/core/limits': 'any' },
  },
  'src/server/core/rooms': {
    purpose: 'rooms, and the names that rooms and users may have',
    imports: {
      'server/core/contracts': 'any',
      'server/core/limits': 'any',
      'host/runtime': 'any',
      'host/config': 'type',
    },
  },
  'src/server/core/delivery': {
    purpose: 'events encoded once and handed to many, in slices',
    imports: {
      'server/protocol': 'any',
      'server/core/contracts': 'any',
      'server/core/limits': 'any',
      'server/core/rooms': 'any',
    },
    entries: ['delivery.ts', 'encoded-event.ts', 'recipient.ts'],
  },
  'src/server/core/sessions': {
    purpose: 'sessions, their namespaces and users, acks, and what is said to chosen ones',
    imports: {
      'server/protocol': 'any',
      'server/core/app': 'any',
      'server/core/contracts': 'any',
      'server/core/delivery': 'any',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/core/rooms': 'any',
      'host/runtime': 'any',
    },
    entries: [
      'acks.ts',
      'asked-joins.ts',
      'entry-rooms.ts',
      'broadcast.ts',
      'expiries.ts',
      'namespace.ts',
      'namespace-context.ts',
      'namespace-session.ts',
      'remote-session.ts',
      'slot-table.ts',
      'whereabouts.ts',
    ],
  },
  'src/server/core': {
    purpose: 'the core of one worker, put together; heartbeats',
    imports: {
      'server/core/app': 'any',
      'server/core/contracts': 'any',
      'server/core/delivery': 'any',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/core/rooms': 'any',
      'server/core/sessions': 'any',
    },
  },
  'src/index.ts': {
    purpose: 'the public surface: what an app file imports',
    imports: { 'host/runtime': 'any', 'server/core/app': 'any' },
  },
  'src/client': {
    purpose:
      'the small client for browsers, Node.js and Bun; imports nothing, and nobody imports it',
    pure: true,
  },
  'src/server/clients/source': {
    purpose: 'where a request comes from: its address seen through proxies, the origin of its page',
    imports: {
      'server/core/contracts': 'any',
      'server/core/limits': 'any',
      'server/core/log': 'type',
      'server/protocol': 'any',
      'host/runtime': 'any',
    },
  },
  'src/server/clients/session': {
    purpose: 'what sessions of all kinds share: their table, coming in, input, queues, the end',
    imports: {
      'server/protocol': 'any',
      'server/clients/source': 'any',
      'host/runtime': 'any',
      ...CORE,
    },
  },
  'src/server/clients/socketio': {
    purpose: 'Engine.IO sessions over polling, WebSocket and upgrade; what packets mean',
    imports: {
      'server/protocol': 'any',
      'server/clients/session': 'any',
      'server/clients/source': 'any',
      'host/runtime': 'any',
      ...CORE,
    },
    entries: ['endpoint.ts', 'engine-home.ts', 'packet-router.ts'],
  },
  'src/server/clients/plain': {
    purpose: 'sessions of the plain protocol over WebSocket, SSE, streams and long-polling',
    imports: {
      'server/protocol': 'any',
      'server/protocol/plain': 'any',
      'server/protocol/websocket': 'any',
      'server/clients/session': 'any',
      'server/clients/source': 'any',
      'host/runtime': 'any',
      ...CORE,
    },
    entries: ['plain-endpoint.ts', 'plain-home.ts', 'plain-router.ts'],
  },
  'src/server/clients': { purpose: 'kinds of client, a folder each' },
  'src/server/identity/hooks': {
    purpose: 'signed HTTP calls to a backend: who clients are, what they may, what they did',
    imports: {
      'host/config': 'type',
      'host/foreign': 'any',
      'host/runtime': 'type',
      'server/protocol': 'any',
      'server/core/app': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'type',
      'server/core/rooms': 'any',
    },
    entries: ['http-hooks.ts'],
  },
  'src/server/identity': {
    purpose: 'who clients are, by all who may know it, and what they may do with rooms',
    imports: {
      'host/access': 'any',
      'host/config': 'type',
      'host/foreign': 'any',
      'host/runtime': 'any',
      'server/protocol': 'any',
      'server/core/app': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/core/rooms': 'any',
    },
  },
  'src/server/identity/tokens': {
    purpose: 'tokens of clients: where they are found, their keys, what they claim',
    imports: {
      'host/access': 'any',
      'host/config': 'type',
      'host/foreign': 'any',
      'host/runtime': 'any',
      'server/core/app': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/core/rooms': 'any',
      'server/identity': 'any',
    },
    entries: ['open-tokens.ts'],
  },
  'src/server/links/ipc': {
    purpose: 'frames over sockets, for peer, nodes and bus',
    imports: { 'host/machine': 'any', 'server/protocol': 'any' },
  },
  'src/server/links/bus': {
    purpose: 'both ends of the bus, and what controller and worker tell each other',
    imports: {
      'host/foreign': 'any',
      'server/links/ipc': 'any',
      'server/protocol': 'any',
      ...CORE,
      'host/config': 'type',
      'host/runtime': 'any',
    },
  },
  'src/server/links/peer': {
    purpose: 'forwards requests and sockets to the worker that owns their session',
    imports: { 'server/links/ipc': 'any', 'server/protocol': 'any', ...CORE },
    entries: ['peer-frame.ts', 'peer-server.ts', 'peers.ts', 'remote-owner.ts'],
  },
  'src/server/links/nodes': {
    purpose: 'links to workers of other nodes: where those are, the proof of the secret, TCP',
    imports: {
      'host/foreign': 'any',
      'server/links/bus': 'any',
      'server/links/ipc': 'any',
      'server/links/peer': 'any',
      'server/protocol': 'any',
      ...CORE,
    },
    entries: ['nodes-service.ts', 'nodes.ts'],
  },
  'src/server/links/redis': {
    purpose: 'connections to Redis or Valkey: opened, watched, their faults named',
    imports: {
      'host/config': 'any',
      'host/foreign': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
    },
    entries: [
      'figures.ts',
      'redis-blocking.ts',
      'redis-fault.ts',
      'redis-link.ts',
      'redis-script.ts',
    ],
  },
  'src/server/links/broker/foreign': {
    purpose: 'what Socket.IO servers and emitters say over Redis, understood and said',
    imports: {
      'host/foreign': 'any',
      'host/runtime': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/core/sessions': 'type',
      'server/protocol': 'any',
    },
    entries: ['contract.ts', 'foreign-bridge.ts'],
  },
  'src/server/links/broker': {
    purpose: 'other nodes over Redis: who is there, what they want to hear, what all of them keep',
    imports: {
      'host/config': 'type',
      'host/foreign': 'any',
      'host/runtime': 'any',
      'server/core/app': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/links/broker/foreign': 'any',
      'server/links/bus': 'any',
      'server/links/redis': 'any',
      'server/protocol': 'any',
    },
    entries: [
      'cluster-figures.ts',
      'cluster.ts',
      'membership.ts',
      'node-facts.ts',
      'node-relay.ts',
      'node-stream.ts',
      'redis-broker.ts',
    ],
  },
  'src/server/links': { purpose: 'ways between processes and between hosts' },
  'src/server/state/redis': {
    purpose: 'what state of a cluster needs of Redis, and where its keys lie there',
    imports: { 'host/runtime': 'any', 'server/links/redis': 'any' },
  },
  'src/server/state/presence': {
    purpose: 'who is in a room: gathered in workers, kept and told by the controller',
    imports: {
      'host/config': 'type',
      'host/runtime': 'any',
      'server/core/app': 'type',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/core/rooms': 'type',
      'server/links/bus': 'any',
      'server/protocol': 'any',
    },
    entries: [
      'cluster-presence.ts',
      'embedded-presence.ts',
      'presence-client.ts',
      'presence-service.ts',
    ],
  },
  'src/server/state/seats': {
    purpose: 'how many sessions a user has, counted over all workers where that is bounded',
    imports: {
      'host/config': 'type',
      'host/runtime': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/links/bus': 'any',
      'server/links/redis': 'any',
      'server/protocol': 'any',
      'server/state/redis': 'any',
    },
    entries: ['embedded-seats.ts', 'redis-seats.ts', 'seat-client.ts', 'seat-service.ts'],
  },
  'src/server/state/whereabouts': {
    purpose: 'on which nodes a user is',
    imports: {
      'server/core/contracts': 'type',
      'server/links/bus': 'any',
      'server/protocol': 'any',
    },
  },
  'src/server/state/history': {
    purpose: 'what rooms keep of what was said to them',
    imports: {
      'host/config': 'type',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
    },
  },
  'src/server/state/snapshots': {
    purpose: 'sessions that can be taken up again: reported by workers, kept by the controller',
    imports: {
      'host/foreign': 'any',
      'server/core/contracts': 'any',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'server/links/bus': 'any',
      'server/links/redis': 'any',
      'server/protocol': 'any',
      'server/state/redis': 'any',
    },
  },
  'src/server/state': { purpose: 'what outlives sessions and workers, both ends of each' },
  'src/server/worker/front': {
    purpose: 'connections of clients: HTTP/1.1 and WebSocket over bare sockets',
    imports: {
      'server/protocol': 'any',
      'server/protocol/http': 'any',
      'server/protocol/websocket': 'any',
      'server/core/contracts': 'type',
      'server/core/limits': 'any',
      'server/core/log': 'any',
      'host/access': 'type',
    },
    entries: ['front.ts'],
  },
  'src/server/worker/door': {
    purpose:
      'connections without a session: told apart, ended in time, closed when files are short',
    imports: {
      'server/clients/source': 'any',
      'server/core/limits': 'any',
      'server/core/limits/places': 'any',
      'server/core/log': 'any',
      'server/protocol': 'any',
    },
    entries: ['c-library.ts', 'defer-accept.ts', 'door.ts', 'open-files.ts'],
  },
  'src/server/worker': {
    purpose: 'one worker, put together: ports, app file, wiring, samples, garbage, profiles',
    imports: {
      'server/clients/session': 'any',
      'server/clients/plain': 'any',
      'server/clients/socketio': 'any',
      'server/clients/source': 'any',
      'server/worker/door': 'any',
      'server/worker/front': 'any',
      'server/identity': 'any',
      'server/identity/hooks': 'any',
      'server/identity/tokens': 'dynamic',
      'server/links/bus': 'any',
      'server/links/peer': 'any',
      'server/links/nodes': 'dynamic',
      'server/state/presence': 'any',
      'server/state/seats': 'any',
      'server/state/snapshots': 'any',
      'server/protocol': 'any',
      ...CORE,
      'host/runtime': 'any',
      'host/config': 'type',
      'host/access': 'any',
      'host/foreign': 'any',
      'index.ts': 'any',
    },
    entries: ['main.ts'],
  },
  'src/server/controller': {
    purpose: 'the node: supervisor, admin API, metrics, capacity, its recording',
    imports: {
      'server/state/history': 'any',
      'server/state/snapshots': 'any',
      'server/links/broker': 'any',
      'server/links/bus': 'any',
      'server/links/ipc': 'any',
      'server/links/nodes': 'any',
      'server/links/redis': 'any',
      'server/state/presence': 'any',
      'server/state/redis': 'any',
      'server/state/seats': 'any',
      'server/state/whereabouts': 'any',
      'server/protocol': 'any',
      ...CORE,
      'host/access': 'any',
      'host/runtime': 'any',
      'host/config': 'any',
      'host/foreign': 'any',
      'host/machine': 'any',
      'report/recording': 'any',
    },
    entries: [
      'admin-reports.ts',
      'capacity.ts',
      'metrics.ts',
      'node-view.ts',
      'node.ts',
      'process-schema.ts',
      'sessions-schema.ts',
      'sessions-view.ts',
      'start-error.ts',
    ],
  },
  'src/server': { purpose: 'the server: controller and workers, and what they are made of' },
  'src/pages/demo': { purpose: 'the built-in app and its pages; gets Holdfast as any app does' },
  'src/pages': { purpose: 'pages that the server shows' },
  'src/cli': {
    purpose: 'one file per command',
    imports: {
      'host/runtime': 'any',
      'server/controller': 'any',
      'server/core/log': 'type',
      'server/worker': 'dynamic',
      'host/access': 'any',
      'host/config': 'any',
      'host/foreign': 'any',
      'host/doctor': 'any',
      'host/figures': 'any',
      'host/generate': 'any',
      'host/machine': 'any',
      'fleet/agent': 'any',
      'fleet/agent-group': 'any',
      'fleet/coordinator': 'any',
      'fleet/hosts': 'any',
      'fleet/hosts/ec2': 'any',
      'fleet/hosts/ssh': 'any',
      'fleet/settings': 'any',
      report: 'any',
      'report/recording': 'any',
      'report/run': 'any',
    },
  },
  'bench/measure': { purpose: 'meters, samples, summaries and the targets they are held to' },
  'bench/contestants': { purpose: 'one file a server that is measured, and its program' },
  'bench/load': { purpose: 'the load client of the benches, in processes of its own' },
  'bench/comparison': { purpose: '`npm run bench`: Holdfast beside the others' },
  'bench/questions/garbage': { purpose: '`npm run bench:gc`: schedules of collection compared' },
  'bench/questions/keepalive': {
    purpose: '`npm run bench:keepalive`: ways to keep sessions alive compared',
  },
  'bench/questions/recovery': {
    purpose: '`npm run bench:recovery`: clients that are cut and come back',
  },
  'bench/questions/presence': {
    purpose: '`npm run bench:presence`: what presence of a large room costs under churn',
  },
  'bench/questions/cluster': {
    purpose: '`npm run bench:cluster`, `bench:storm`: what linked nodes deliver, and ask of Redis',
  },
  'bench/questions': { purpose: 'benches that answer one question each' },
  'bench/million': { purpose: '`npm run million`: a million sessions on one machine' },
  'bench/results': { purpose: 'raw results that are kept' },
  'test/contract': { purpose: 'one suite a contract, run on whatever implements it' },
  'test/support': { purpose: 'raw clients, fakes and processes that tests share' },
  'test/protocol': { purpose: 'raw bytes from outside, also run against the reference server' },
  'test/system': { purpose: 'the real command with real clients' },
  'test/package': {
    purpose: 'what npm packs, and the one executable, installed and started as a user does it',
  },
  'test/fuzz': { purpose: 'attacks and leaks, bounded in time, the seed printed' },
  'test/tidy': { purpose: 'the rules of this house, as part of `npm run check`' },
};
