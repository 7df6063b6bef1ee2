/**
 * Rules over several config keys, checked once each key by itself is right.
 */
import { isLoopback } from '../access/loopback.ts';
import { type Config, WORKERS_MAX } from './schema.ts';

/** A rule over several keys. */
export interface Relation {
  readonly keys: readonly (keyof Config)[];
  /** A clause without a full stop, keys in backticks. */
  readonly rule: string;
  holds(config: Config): boolean;
}

export const relations: readonly Relation[] = [
  {
    keys: ['adminHost', 'adminToken'],
    rule: '`adminToken` must be set when `adminHost` is not a loopback address',
    holds: (config) => isLoopback(config.adminHost) || config.adminToken !== undefined,
  },
  {
    keys: ['tlsCert', 'tlsKey'],
    rule: '`tlsCert` and `tlsKey` must be set both or neither',
    holds: ({ tlsCert, tlsKey }) => (tlsCert === undefined) === (tlsKey === undefined),
  },
  {
    keys: ['adminTlsCert', 'adminTlsKey'],
    rule: '`adminTlsCert` and `adminTlsKey` must be set both or neither',
    holds: ({ adminTlsCert, adminTlsKey }) =>
      (adminTlsCert === undefined) === (adminTlsKey === undefined),
  },
  {
    keys: ['tokenSecret', 'tokenKeyFile', 'tokenKeysUrl'],
    rule: 'only one of `tokenSecret`, `tokenKeyFile` and `tokenKeysUrl` may be set',
    holds: (config) => keySources(config) <= 1,
  },
  {
    keys: ['tokenAlgorithms', 'tokenSecret'],
    rule: '`tokenAlgorithms` must be "HS256" alone with `tokenSecret`, and leave it out without',
    holds: ({ tokenAlgorithms, tokenSecret }) =>
      tokenAlgorithms.every((algorithm) => (algorithm === 'HS256') === (tokenSecret !== undefined)),
  },
  {
    keys: ['tokenAudience', 'tokenIssuer', 'tokenSecret', 'tokenKeyFile', 'tokenKeysUrl'],
    rule:
      '`tokenAudience` and `tokenIssuer` need `tokenSecret`, `tokenKeyFile` or `tokenKeysUrl`, ' +
      'without which no token is looked at',
    holds: (config) =>
      keySources(config) > 0 ||
      (config.tokenAudience === undefined && config.tokenIssuer === undefined),
  },
  {
    keys: ['corsOrigins', 'corsCredentials'],
    rule:
      '`corsCredentials` needs `corsOrigins` that name each origin, since browsers refuse ' +
      'credentials with "*"',
    holds: (config) => !config.corsCredentials || !config.corsOrigins.includes('*'),
  },
  {
    keys: ['corsOrigins'],
    rule: '`corsOrigins` must be either "*" alone or a list of origins without it',
    holds: (config) => config.corsOrigins.length <= 1 || !config.corsOrigins.includes('*'),
  },
  {
    keys: ['path', 'plainPath'],
    rule: '`path` must be none of `ws/`, `sse/` and `poll/` below `plainPath`',
    holds: ({ path, plainPath, plainClients }) =>
      !plainClients || !['ws/', 'sse/', 'poll/'].some((door) => path === plainPath + door),
  },
  {
    keys: ['maxBackpressureBytes', 'maxPayloadBytes'],
    rule:
      '`maxBackpressureBytes` must be at least `maxPayloadBytes`, so that the largest ' +
      'message can be passed on',
    holds: (config) => config.maxBackpressureBytes >= config.maxPayloadBytes,
  },
  {
    keys: ['memoryBudgetBytes', 'maxBackpressureBytes'],
    rule:
      '`memoryBudgetBytes` must be at least twice `maxBackpressureBytes`, so that one slow ' +
      'session is not all that fits',
    holds: ({ memoryBudgetBytes, maxBackpressureBytes }) =>
      memoryBudgetBytes === 'auto' || memoryBudgetBytes >= 2 * maxBackpressureBytes,
  },
  {
    keys: ['hookUrl', 'hookSecret'],
    rule: '`hookUrl` and `hookSecret` must be set both or neither',
    holds: ({ hookUrl, hookSecret }) => (hookUrl === undefined) === (hookSecret === undefined),
  },
  {
    keys: ['hookTimeoutMs', 'connectTimeoutMs'],
    rule:
      '`hookTimeoutMs` must be less than `connectTimeoutMs` where hooks are sent, so that a ' +
      'client is answered before it is given up',
    holds: ({ hookUrl, hookTimeoutMs, connectTimeoutMs }) =>
      hookUrl === undefined || hookTimeoutMs < connectTimeoutMs,
  },
  {
    keys: ['hookAllowOnFailure', 'allowAnonymous', 'tokenSecret', 'tokenKeyFile', 'tokenKeysUrl'],
    rule:
      '`hookAllowOnFailure` may name `connect` only with tokens or `allowAnonymous`, since ' +
      'nobody else says who clients are while the hook fails',
    holds: ({ hookAllowOnFailure, allowAnonymous, ...config }) =>
      !hookAllowOnFailure.includes('connect') ||
      allowAnonymous ||
      (config.tokenSecret ?? config.tokenKeyFile ?? config.tokenKeysUrl) !== undefined,
  },
  {
    keys: ['port', 'adminPort'],
    rule: '`port` and `adminPort` must differ',
    holds: (config) => config.port === 0 || config.port !== config.adminPort,
  },
  {
    keys: ['workerPortBase', 'workers', 'port', 'adminPort'],
    rule:
      'the ports of the workers must end at 65535 or below and leave out `port` and ' +
      '`adminPort`',
    holds: workerPortsFit,
  },
  {
    keys: ['clusterPort', 'workers', 'workerPorts', 'workerPortBase', 'port', 'adminPort'],
    rule:
      'the ports of the workers for other nodes must end at 65535 or below and leave out `port`, ' +
      '`adminPort` and the ports of `workerPorts`',
    holds: clusterPortsFit,
  },
  {
    keys: ['connections', 'workers', 'maxSessionsPerWorker'],
    rule:
      '`connections` must be at most `workers` times `maxSessionsPerWorker`, where `workers` is ' +
      `${WORKERS_MAX} at the most`,
    holds: ({ connections, workers, maxSessionsPerWorker }) =>
      connections === undefined ||
      maxSessionsPerWorker === 'auto' ||
      connections <= (workers === 'auto' ? WORKERS_MAX : workers) * maxSessionsPerWorker,
  },
];

function keySources({ tokenSecret, tokenKeyFile, tokenKeysUrl }: Config): number {
  return [tokenSecret, tokenKeyFile, tokenKeysUrl].filter((key) => key !== undefined).length;
}

function clusterPortsFit(config: Config): boolean {
  const { clusterPort: first, workerPortBase, port, adminPort } = config;
  if (first === 0) return true;
  const count = leastWorkers(config);
  const last = first + count - 1;
  const areApart = first >= workerPortBase + count || last < workerPortBase;
  return (
    last <= 65_535 &&
    (areApart || !config.workerPorts) &&
    ![port, adminPort].some((taken) => taken >= first && taken <= last)
  );
}

/** How many there are at the least: `auto` is known when the node starts. */
function leastWorkers({ workers }: Config): number {
  return workers === 'auto' ? 1 : workers;
}

function workerPortsFit(config: Config): boolean {
  if (!config.workerPorts) return true;
  const last = config.workerPortBase + leastWorkers(config) - 1;
  const taken = (candidate: number): boolean =>
    candidate >= config.workerPortBase && candidate <= last;
  return last <= 65_535 && !taken(config.port) && !taken(config.adminPort);
}
