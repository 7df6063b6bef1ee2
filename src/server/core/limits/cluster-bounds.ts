/** Bounds on what goes between workers of several nodes, over TCP. */

export const CLUSTER_BOUNDS = {
  clusterProofMs: {
    value: 5_000,
    unit: 'ms',
    why: 'To connect and for both ends to prove that they know `clusterSecret`: two round trips.',
    seen: 'the connection is cut; requests that wait for it are answered as for a dead worker',
    counted: 'clusterUnproven',
  },
  clusterStrangers: {
    value: 64,
    unit: 'connections',
    why: 'To the port for other nodes that have proven nothing yet; 1 KB each at the most.',
    seen: 'the one that has been there for longest is cut',
    counted: 'clusterCrowded',
  },
  clusterLinks: {
    value: 4_096,
    unit: 'connections',
    why: 'That workers of other nodes have to one worker: 16 nodes of 256 workers each.',
    seen: 'a further one is cut',
    counted: 'clusterCrowded',
  },
  clusterNodes: {
    value: 1_000,
    unit: 'nodes',
    why: 'Of which a worker knows where they are.',
    seen: 'the list is refused, which the log says',
  },
  clusterToldMs: {
    value: 2_000,
    unit: 'ms',
    why: 'For the controller to tell a worker that starts where other nodes are.',
    seen: 'the worker starts; until it is told, sessions of other nodes are unknown to it',
  },
  clusterAliveMs: {
    value: 4_000,
    unit: 'ms',
    why: 'How often each end of a link says that it is there.',
  },
  clusterSilentMs: {
    value: 12_000,
    unit: 'ms',
    why: 'Without a byte, 16 s at the most: a host that lost power closes no connection.',
    seen: 'the link is cut, sockets of clients are closed with 1012',
    counted: 'clusterSilent',
  },
  clusterIdleMs: {
    value: 60_000,
    unit: 'ms',
    why: 'A link that nobody uses is closed then, or after `requestTimeoutMs` if that is longer.',
  },
} as const;
