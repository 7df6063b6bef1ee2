/**
 * The configuration of a node: one zod schema that holds type, default, bounds and description of
 * every key. Rules over several keys are in relations.ts.
 *
 * Everything else is derived: names of environment variables and flags (fields.ts), messages
 * (load.ts), docs/CONFIG.md (scripts/config-docs.ts). Workers import the type only, so that zod
 * stays out of their memory.
 */
import { z } from 'zod';
import { TOKEN_PATTERN, TOKEN_RULE } from '../access/token.ts';
import { isAddressRange, isOriginOrStar } from './address-forms.ts';
import { type BrokerConfig, brokerShape } from './broker.ts';
import { type ClusterConfig, clusterShape } from './cluster.ts';
import { type HooksConfig, hookShape } from './hooks.ts';
import { type IdentityConfig, identityShape } from './identity.ts';
import { addressKey, key, rateKey, tlsFile } from './keys.ts';
import { type PresenceConfig, presenceShape } from './presence.ts';
import { ROOMS_ALLOWED, type RoomsConfig, roomsSchema } from './rooms.ts';
import { type UserLimitConfig, userLimitShape } from './user-limit.ts';

/** Every key is set once the configuration is loaded, but for those marked optional. */
export interface Config
  extends IdentityConfig,
    HooksConfig,
    PresenceConfig,
    UserLimitConfig,
    BrokerConfig,
    ClusterConfig {
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly adminToken?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly adminTlsCert?: string | undefined;
  readonly adminTlsKey?: string | undefined;
  readonly workers: 'auto' | number;
  readonly connections?: number | undefined;
  readonly workerPorts: boolean;
  readonly workerPortBase: number;
  readonly app?: string | undefined;
  readonly path: string;
  readonly plainClients: boolean;
  readonly plainPath: string;
  readonly pollHoldMs: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly upgradeTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly webSocketCompression: boolean;
  readonly maxJsonKeys: number;
  readonly maxMessagesPerSecond: number;
  readonly maxBytesPerSecond: number;
  readonly maxConnectsPerSecond: number;
  readonly maxAcksPerSecond: number;
  readonly maxBackpressureBytes: number;
  readonly backpressureTimeoutMs: number;
  readonly memoryBudgetBytes: 'auto' | number;
  readonly maxSessionsPerWorker: 'auto' | number;
  readonly maxSessionsPerAddress: number;
  readonly maxHandshakesPerAddress: number;
  readonly maxUnauthenticatedPerAddress: number;
  readonly maxSilentPerAddress: number;
  readonly maxRoomsPerSession: number;
  readonly rooms: RoomsConfig;
  readonly historyBudgetBytes: 'auto' | number;
  readonly recoveryWindowMs: number;
  readonly recoveryBudgetBytes: 'auto' | number;
  readonly ackTimeoutMs: number;
  readonly corsOrigins: readonly string[];
  readonly corsCredentials: boolean;
  readonly trustedProxies: readonly string[];
  readonly shutdownTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'auto' | 'json' | 'pretty';
  readonly runDir?: string | undefined;
  readonly recordDir?: string | undefined;
  readonly gc: 'turnover' | 'idle' | 'off' | number;
}

/** A poll may last one ping interval, and Bun closes requests that are idle for 255 seconds. */
const PING_MAX_MS = 240_000;
/** A Unix socket path holds 107 bytes; the rest is left for the names of our sockets. */
const RUN_DIR_MAX_BYTES = 72;
/** A session id names its worker in one byte. */
export const WORKERS_MAX = 256;
const MINUTE_MS = 60_000;
const COLLECTION_PERIOD_MAX_S = 3_600;
const MIB = 1 << 20;
const HISTORY_DROPPED = 'holdfast_history_dropped_total';
const RECOVERY_DROPPED = 'holdfast_recovery_dropped_total';

const text = z.string().min(1);
const whole = (lowest: number, highest: number): z.ZodInt => z.int().min(lowest).max(highest);
const port = (lowest: number): z.ZodInt => whole(lowest, 65_535);
const autoOr = (highest: number): z.ZodUnion<[z.ZodLiteral<'auto'>, z.ZodInt]> =>
  z.union([z.literal('auto'), whole(1, highest)]);
const path = z.string().regex(/^\/([\w.~-]+\/)+$/);
const token = z.string().regex(TOKEN_PATTERN);
const directory = text.refine((name) => Buffer.byteLength(name) <= RUN_DIR_MAX_BYTES);
const ranges = z.array(z.string().refine(isAddressRange)).max(1000);
const origins = z.array(z.string().refine(isOriginOrStar)).max(1000);

const shape = {
  host: key(
    text.default('::'),
    'Address of the public port; `::` is every address of the host, IPv4 and IPv6.',
  ),
  port: key(port(0).default(8500), 'The public port, shared by all workers; 0 takes any free one.'),
  adminHost: key(
    text.default('127.0.0.1'),
    'Address of the admin port; one that is not loopback needs `adminToken`.',
  ),
  adminPort: key(port(0).default(8600), 'Port of the admin API; 0 takes any free one.'),
  adminToken: key(
    token.optional(),
    'What callers of the admin API present as `Authorization: Bearer …`; safer as a variable or ' +
      'in the file, since every user of the host can see flags.',
    { allowed: TOKEN_RULE, isSecret: true },
  ),
  tlsCert: tlsFile('certificate of the public port, in PEM form, its issuers behind it'),
  tlsKey: tlsFile('private key of `tlsCert`, in PEM form without a password'),
  adminTlsCert: tlsFile('certificate of the admin port'),
  adminTlsKey: tlsFile('private key of `adminTlsCert`'),
  workers: key(
    autoOr(WORKERS_MAX).default('auto'),
    'Worker processes; `auto` is one per core, or more where `connections` and the open-file ' +
      'limit ask for it.',
  ),
  connections: key(
    whole(1, 10_000_000).optional(),
    'How many connections the node is meant for; read by `workers: auto`.',
  ),
  workerPorts: key(
    z.boolean().default(false),
    'Gives each worker a port of its own besides the public one, for a proxy in front.',
  ),
  workerPortBase: key(
    port(1).default(8501),
    'The port of worker 0; worker n listens on this plus n.',
  ),
  app: key(text.optional(), 'The app file; the built-in demo runs without one.', { isPath: true }),
  ...brokerShape,
  ...clusterShape,
  path: key(path.default('/socket.io/'), 'Where Socket.IO clients connect.', {
    allowed: 'a path that begins and ends with "/", such as "/socket.io/"',
  }),
  plainClients: key(
    z.boolean().default(true),
    'Takes clients of the plain protocol (docs/PROTOCOL.md): WebSocket, SSE, long-polling.',
  ),
  plainPath: key(
    z
      .string()
      .regex(/^\/([\w.~-]+\/)*$/)
      .default('/'),
    'Where they connect: `ws`, `sse` and `poll` below it.',
    { allowed: 'a path that begins and ends with "/", such as "/" or "/live/"' },
  ),
  pollHoldMs: key(
    whole(100, PING_MAX_MS).default(25_000),
    'How long a long-poll of the plain protocol waits before it is answered with no messages.',
  ),
  pingIntervalMs: key(whole(100, PING_MAX_MS).default(25_000), 'How often a session is pinged.'),
  pingTimeoutMs: key(
    whole(100, PING_MAX_MS).default(20_000),
    'How long the pong may take before the session counts as lost.',
    { limit: { seen: 'the session ends, 1008', counted: 'pingTimeout' } },
  ),
  upgradeTimeoutMs: key(
    whole(100, 10 * MINUTE_MS).default(10_000),
    'How long an upgrade from polling to WebSocket may take.',
    { limit: { seen: 'the WebSocket is closed with 1008; the session goes on polling' } },
  ),
  connectTimeoutMs: key(
    whole(100, 10 * MINUTE_MS).default(45_000),
    'How long a client may hold a connection without joining a namespace.',
    { limit: { seen: 'the connection ends, 1008', counted: 'notJoined' } },
  ),
  requestTimeoutMs: key(
    whole(1_000, PING_MAX_MS).default(MINUTE_MS),
    "How long the app's `request` may take to answer, and a client to send the body of a request.",
    { limit: { seen: '503; a body that takes longer breaks off', counted: 'appTooSlow' } },
  ),
  keepAliveTimeoutMs: key(
    whole(1_000, PING_MAX_MS).default(2 * MINUTE_MS),
    'How long a connection that brought a request of a session is kept for the next; longer than ' +
      'proxies in front keep theirs. Others, and all while open files are few, get 10 s and less.',
    { limit: { seen: 'an idle connection is closed' } },
  ),
  maxPayloadBytes: key(
    whole(1, 32 * MIB).default(1_000_000),
    'The largest message a client may send.',
    { limit: { seen: '413; on a WebSocket 1009', counted: 'payloadTooLarge' } },
  ),
  webSocketCompression: key(
    z.boolean().default(false),
    'Compresses messages of 1,024 bytes and more over WebSockets whose clients offer it ' +
      '(permessage-deflate): 1 KB of JSON becomes a quarter, for 5 µs of CPU. No client keeps a ' +
      'compressor, and a message to many is compressed once.',
  ),
  maxJsonKeys: key(
    whole(16, 100_000).default(20_000),
    'Different keys that the objects of one message may have together; 20,000 new ones take some ' +
      '20 ms to parse. Objects that have the same keys count once, however many they are.',
    {
      limit: {
        seen: 'the message is refused, an ack or CONNECT_ERROR says so; `POST /send` answers 400',
        counted: 'tooManyKeys',
      },
    },
  ),
  maxMessagesPerSecond: rateKey(
    5_000,
    'Messages that one client may send in a second, and at once, attachments included.',
    'tooManyMessages',
  ),
  maxBytesPerSecond: rateKey(
    16 * MIB,
    'Bytes that one client may send in a second, and at once; text counts by its characters.',
    'tooManyBytes',
  ),
  maxConnectsPerSecond: rateKey(
    20,
    'CONNECTs that one client may send in a second over its connection, be they let in or ' +
      'refused, and ten times as many at once.',
    'tooManyConnects',
  ),
  maxAcksPerSecond: rateKey(
    10_000,
    'Acks that one client may send in a second, and at once; they are no messages in this.',
    'tooManyAcks',
  ),
  maxBackpressureBytes: key(
    whole(1, 32 * MIB).default(MIB),
    'How much may wait for one session for longer than `backpressureTimeoutMs` before it is cut.',
    { limit: { seen: 'the session ends', counted: 'slowReader' } },
  ),
  backpressureTimeoutMs: key(
    whole(100, 10 * MINUTE_MS).default(10_000),
    'How long more than `maxBackpressureBytes` may wait for one session; what was said since ' +
      'then does not count.',
    { limit: { seen: 'the session ends', counted: 'slowReader' } },
  ),
  memoryBudgetBytes: key(
    z.union([z.literal('auto'), whole(MIB, 1024 * MIB)]).default('auto'),
    'What may wait for all clients of a worker together (queues, backpressure, half packets, ' +
      'acks); `auto` is a quarter of the memory divided by the workers, 256 MiB at the most.',
    { limit: { seen: 'sessions that hold most end', counted: 'memoryBudget' } },
  ),
  maxSessionsPerWorker: key(
    autoOr(1_000_000).default('auto'),
    'The most sessions a worker takes, whatever they hold; `auto` is four for each file that its ' +
      'open-file limit leaves to clients, since those that poll hold none between two polls.',
    { limit: { seen: '503 with `Retry-After`, before any upgrade', counted: 'atCapacity' } },
  ),
  maxSessionsPerAddress: addressKey(
    'The most sessions that one address may have',
    'addressSessions',
  ),
  maxHandshakesPerAddress: addressKey(
    'The most handshakes that one address may send in a second',
    'addressHandshakes',
  ),
  maxUnauthenticatedPerAddress: addressKey(
    'The most sessions without a user that one address may have, those that are joining included',
    'addressUnauthenticated',
  ),
  maxSilentPerAddress: addressKey(
    'The most sessions that one address may have of those that have never polled, or not joined ' +
      'over a WebSocket',
    'addressSilent',
  ),
  ...userLimitShape,
  maxRoomsPerSession: key(
    whole(1, 1_000_000).default(10_000),
    'Rooms that one session may be in; `join` enters all that it names or none.',
    { limit: { seen: '`join` throws a `RangeError`; a CONNECT is refused' } },
  ),
  rooms: key(
    roomsSchema.default({}),
    'What rooms keep, and who may join and publish, by the pattern of their names, in which one ' +
      '`*` stands for any characters; of several that fit, the one with most other characters ' +
      'holds. Rooms that none fits: anyone joins, no client publishes, nothing is kept.',
    { allowed: ROOMS_ALLOWED },
  ),
  ...hookShape,
  ...presenceShape,
  historyBudgetBytes: key(
    z.union([z.literal('auto'), whole(MIB, 64 * 1024 * MIB)]).default('auto'),
    'What the history of all rooms may hold, in the controller; `auto` is an eighth of the ' +
      'memory, 512 MiB at the most. Over it the oldest messages go first.',
    { limit: { seen: 'who comes back is told that not all is kept', counted: HISTORY_DROPPED } },
  ),
  recoveryWindowMs: key(
    whole(1_000, 24 * 60 * MINUTE_MS).default(2 * MINUTE_MS),
    'For how long a session that was cut off can be taken up again, in rooms with `recovery`.',
    { limit: { seen: 'the client gets a new session' } },
  ),
  recoveryBudgetBytes: key(
    z.union([z.literal('auto'), whole(MIB, 64 * 1024 * MIB)]).default('auto'),
    'What is kept of all sessions that can be recovered, in the controller; `auto` is an eighth ' +
      'of the memory, 512 MiB at the most. Over it those that were cut off first go first.',
    { limit: { seen: 'the client gets a new session', counted: RECOVERY_DROPPED } },
  ),
  ackTimeoutMs: key(
    whole(1, 60 * MINUTE_MS).default(10_000),
    'How long `emitWithAck` waits unless told otherwise.',
    { limit: { seen: '`emitWithAck` rejects with the values that came' } },
  ),
  ...identityShape,
  corsOrigins: key(
    origins.default([]),
    'Origins whose pages may connect from a browser: each as browsers send it, ' +
      '`https://*.example.com` for all names below a domain, `null` for pages without one; `*` ' +
      'alone admits every origin.',
    { allowed: 'a list of origins such as "https://example.com", or "*"' },
  ),
  corsCredentials: key(z.boolean().default(false), 'Lets browsers send cookies across origins.'),
  trustedProxies: key(
    ranges.default([]),
    'Proxies in front, whose `Forwarded` or `X-Forwarded-…` headers are believed, so that ' +
      'addresses, limits and origins are those of the client; nobody else is believed.',
    { allowed: 'a list of addresses and ranges such as "10.0.0.0/8" or "2001:db8::1"' },
  ),
  shutdownTimeoutMs: key(
    whole(0, 60 * MINUTE_MS).default(30_000),
    'How long workers may take to stop before they are killed.',
    { limit: { seen: 'connections break off; `start` exits with 1' } },
  ),
  stallTimeoutMs: key(
    z.union([z.literal(0), whole(1_000, 60 * MINUTE_MS)]).default(30_000),
    'How long the event loop of a worker may stand still before the worker is killed and ' +
      'replaced; `0` never. Longer than a busy machine holds it up, and than collections take; a ' +
      'worker in a debugger is spared.',
    {
      allowed: 'a whole number from 1000 to 3600000, or 0',
      limit: { seen: 'sessions of the worker break off', counted: 'holdfast_worker_stalls_total' },
    },
  ),
  logLevel: key(
    z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    'The least important messages that are logged.',
  ),
  logFormat: key(
    z.enum(['auto', 'json', 'pretty']).default('auto'),
    '`auto` is `pretty` on a terminal and `json` elsewhere.',
  ),
  runDir: key(
    directory.optional(),
    "Where a new directory for the node's Unix sockets is made; without it, where the system " +
      'keeps temporary files.',
    {
      allowed: `a path of at most ${RUN_DIR_MAX_BYTES} bytes, because Unix socket paths are short`,
      isPath: true,
    },
  ),
  recordDir: key(
    text.optional(),
    'Where the node writes `server.jsonl`, a sample of itself each second, for ' +
      '`holdfast report`; for measured runs, not for a service: the file grows without bound, ' +
      'and a node refuses to start where there is one.',
    { allowed: 'a directory, which is made when it is not there', isPath: true },
  ),
  gc: key(
    z
      .union([z.enum(['turnover', 'idle', 'off']), whole(1, COLLECTION_PERIOD_MAX_S)])
      .default('turnover'),
    'When workers collect garbage beside what the runtime does by itself: when many sessions ' +
      'have come or gone, when some have and the event loop has little to do, never, or every ' +
      'so many seconds.',
  ),
} satisfies { [K in keyof Config]-?: z.ZodType<Config[K]> };

export const configSchema: z.ZodType<Config> = z.strictObject(shape);
