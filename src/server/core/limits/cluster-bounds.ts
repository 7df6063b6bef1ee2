/** Bounds on what goes between the nodes of a cluster. */

export const CLUSTER_BOUNDS = {
  nodePayloadBytes: {
    value: 524_288,
    unit: 'bytes',
    why: 'What one message of Redis between nodes gathers: more saves nothing, and is held longer.',
  },
  nodeSentBytes: {
    value: 16_777_216,
    unit: 'bytes',
    why: 'On its way to Redis and not confirmed: more waits its turn, so that Redis is never late.',
  },
  nodeAliveMs: {
    value: 1_000,
    unit: 'ms',
    why: 'How often a node says that it is there, and by what its interest can be checked.',
  },
  nodeGoneMs: {
    value: 15_000,
    unit: 'ms',
    why: 'A node not heard of for so long is gone: longer than Redis takes to fail over.',
    seen: 'its sessions are not found, and its users are gone from presence after their grace time',
  },
  nodeKeyMs: {
    value: 30_000,
    unit: 'ms',
    why: 'Expiry of what a node keeps in Redis, so that one without power leaves nothing there.',
  },
  nodeInterestMs: {
    value: 3_000,
    unit: 'ms',
    why: 'After this long a node that does not tell all it wants to hear is asked again.',
  },
  nodeCalls: {
    value: 1_000,
    unit: 'calls',
    why: 'Between controllers, each way: looks at rooms and users, sessions that are handed over.',
    seen: 'the answer says which nodes are missing from it',
  },
  nodeCallMs: {
    value: 5_000,
    unit: 'ms',
    why: 'For another node to answer what the admin API asks it.',
    seen: 'the answer says which nodes are missing from it',
  },
  nodeRequests: {
    value: 10_000,
    unit: 'requests',
    why: 'Of workers that wait for answers of other nodes.',
    seen: '`fetchSessions` and the like reject, and name the nodes',
  },
  nodeRequestMs: {
    value: 3_900_000,
    unit: 'ms',
    why: 'Longer than any `ackTimeoutMs`: what is older waits for nobody.',
  },
  streamEntryBytes: {
    value: 100,
    unit: 'bytes',
    why: 'What an entry that waits for the stream holds beside its fields.',
  },
  streamWrites: {
    value: 500,
    unit: 'entries',
    why: 'Written to the stream at once: their answers come together.',
  },
  streamWriteBytes: {
    value: 4_194_304,
    unit: 'bytes',
    why: 'Of these, together; a larger entry goes by itself.',
  },
  streamRetryMs: {
    value: 200,
    unit: 'ms',
    why: 'Before a stream that refuses an entry, as when its memory is full, is asked again.',
  },
  streamRememberMs: {
    value: 30_000,
    unit: 'ms',
    why: 'What this node has written is written again, should Redis have lost it, for so long.',
  },
  streamRememberBytes: {
    value: 8_388_608,
    unit: 'bytes',
    why: 'Of it, the latest.',
  },
  streamBlockMs: {
    value: 2_000,
    unit: 'ms',
    why: 'How long one question for new entries waits: then it is seen whether all is well.',
  },
  historyLagMs: {
    value: 3_000,
    unit: 'ms',
    why: 'For a node to read of the history what a client has heard on another one before.',
    seen: 'the client is let in, and told that it was not recovered',
  },
  streamWriters: {
    value: 1_024,
    unit: 'nodes',
    why: 'Whose last number in the stream is known, the latest that were heard.',
  },
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
