/** A hand-made node of two workers for tests: worker 0 is running, worker 1 is in back-off. */

import type { NodeView, SendReceipt, SendRequest } from '../../src/server/controller/node-view.ts';
import type { DisconnectRequest, SessionsView } from '../../src/server/controller/sessions-view.ts';
import { BusFullError } from '../../src/server/links/bus/bus-full-error.ts';
import type { WorkerSample } from '../../src/server/links/bus/sample.ts';
import { ProfileError } from '../../src/server/links/bus/worker-profile.ts';

export class FakeNode implements NodeView {
  readonly nodeId = 'n1';
  readonly startedAtMs: number = Date.now() - 60_000;
  readonly publicPort = 8500;
  readonly host = '127.0.0.1';
  readonly published: SendRequest[] = [];
  readonly profiled: (readonly [worker: number, seconds: number])[] = [];
  /** What a worker that is profiled answers. */
  profileAnswer: unknown = {};
  ready = true;
  readonly sessions: FakeSessions = new FakeSessions();
  /** What `publish` and `profile` do wrong, if anything. */
  fault: 'full' | 'broken' | undefined;

  isReady(): boolean {
    return this.ready;
  }

  broker(): ReturnType<NodeView['broker']> {
    return {
      state: 'degraded',
      fault: 'unreachable',
      cluster: {
        payloads: 1,
        bytes: 2,
        messages: 3,
        refused: 4,
        peers: 5,
        peerKeys: 6,
        waitingBytes: 7,
        heard: 8,
        lost: 9,
        malformed: 10,
      },
      stream: { written: 1, refused: 2, waitingBytes: 3, read: 4, malformed: 5, lost: 6 },
      foreign: {
        heard: 1,
        published: 2,
        failed: 3,
        malformed: 4,
        ignored: 5,
        answered: 6,
        unanswered: 7,
        roomChannels: 8,
        roomsUnheard: 9,
        requestsOpen: 10,
      },
      redis: {
        commands: 1,
        bytesSent: 2,
        messagesHeard: 3,
        reconnects: 4,
        faults: { unreachable: 5 },
      },
    };
  }

  workers(): ReturnType<NodeView['workers']> {
    return [
      {
        index: 0,
        pid: 4242,
        state: 'running',
        restarts: 1,
        stalls: 3,
        port: 8501,
        sample,
        lastSampleAtMs: Date.now(),
      },
      {
        index: 1,
        pid: undefined,
        state: 'backing-off',
        restarts: 7,
        stalls: 0,
        port: undefined,
        sample: undefined,
        lastSampleAtMs: undefined,
      },
    ];
  }

  hub(): ReturnType<NodeView['hub']> {
    return {
      framesRelayed: 11,
      bytesRelayed: 1_100,
      framesDropped: 1,
      queueBytes: [5, 6],
      interestEntries: 12,
    };
  }

  state(): ReturnType<NodeView['state']> {
    return {
      history: { rooms: 3, messages: 40, bytes: 5_000, dropped: 6, latest: 70 },
      recovery: { live: 8, cut: 9, bytes: 1_000, dropped: 11 },
      presence: { rooms: 3, users: 14, refused: 1, told: 15, frames: 16 },
      shared: {
        sessions: { waiting: 1, written: 2, dropped: 3, tooLarge: 4 },
        seats: { users: 5, isAlone: true, wrong: 6 },
      },
    };
  }

  log(): ReturnType<NodeView['log']> {
    return { linesLost: 2, outputDropped: new Map([[0, 4]]) };
  }

  async publish(message: SendRequest): Promise<SendReceipt> {
    if (this.fault === 'full') throw new BusFullError([1]);
    if (this.fault === 'broken') throw new Error('hidden detail');
    this.published.push(message);
    return { accepted: true, id: `m${this.published.length}` };
  }

  async profile(worker: number, seconds: number): Promise<Uint8Array<ArrayBuffer>> {
    this.profiled.push([worker, seconds]);
    if (this.fault === 'broken') throw new ProfileError('failed', 'Worker 0 ended.');
    if (this.fault === 'full') throw new ProfileError('busy', 'Worker 0 is being profiled.');
    return Buffer.from(JSON.stringify(this.profileAnswer));
  }
}

/** Rooms and users of it: one of each, and workers that may be missing. */
export class FakeSessions implements SessionsView {
  readonly asked: unknown[] = [];
  missing: readonly number[] = [];
  roomName = 'match:42';
  next: string | null = null;

  async rooms(namespace: string, after: string, most: number): ReturnType<SessionsView['rooms']> {
    this.asked.push([namespace, after, most]);
    const rooms = [{ room: this.roomName, count: 3 }];
    return { namespace, rooms, next: this.next, missing: this.missing, missingNodes: [] };
  }

  async room(namespace: string, room: string, most: number): ReturnType<SessionsView['room']> {
    this.asked.push([namespace, room, most]);
    const ada = {
      user: 'ada',
      sinceMs: 1_700_000_000_000,
      sessions: 2,
      transports: ['sse'],
    } as const;
    const presence = { count: 2, anonymous: 1, users: [ada] };
    const history = { messages: 5, bytes: 600 };
    return {
      namespace,
      room,
      sessions: 3,
      presence,
      history,
      missing: this.missing,
      missingNodes: [],
    };
  }

  async user(namespace: string, user: string): ReturnType<SessionsView['user']> {
    this.asked.push([namespace, user]);
    const session = {
      id: 'AAAAAAAAAAAAAAAAAAAAAAAA',
      node: 'n1',
      worker: 1,
      transport: 'polling',
      sinceMs: 1_700_000_000_000,
      rooms: [this.roomName],
      roomCount: 3,
    } as const;
    const sessions = [session];
    return {
      namespace,
      user,
      nodes: ['n1'],
      count: 2,
      sessions,
      missing: this.missing,
      missingNodes: [],
    };
  }

  async disconnect(request: DisconnectRequest): ReturnType<SessionsView['disconnect']> {
    this.asked.push(request);
    return { disconnected: 2, missing: this.missing, missingNodes: [] };
  }
}

const sample: WorkerSample = {
  worker: 0,
  pid: 4242,
  startedAtMs: Date.now() - 30_000,
  gauges: {
    rssBytes: 50_000_000,
    heapBytes: 5_000_000,
    loopLagMaxMs: 2,
    collectionPauseMaxMs: 12.5,
    pollingSessions: 3,
    websocketSessions: 40,
    sseSessions: 2,
    streamSessions: 1,
    rooms: 9,
    users: 8,
    edgeSockets: 1,
    capacity: 19_744,
    freePlaces: 19_700,
    openFiles: 65,
    strangers: 4,
    topAddressShare: 0.25,
    topTenAddressesShare: 0.75,
    busQueueBytes: 0,
    heldBytes: 2_000,
    memoryBudgetBytes: 268_435_456,
    hookCallsInFlight: 3,
    hookCallsWaiting: 17,
    hookCircuitOpen: 1,
  },
  refusals: { slowReader: 3, atCapacity: 2 },
  counters: {
    cpuMicroseconds: 1_500_000,
    collections: 6,
    collectionMicroseconds: 48_000,
    sessionsOpened: 50,
    sessionsClosed: 7,
    sessionsRecovered: 21,
    unrecoveredSession: 22,
    unrecoveredHistory: 23,
    unrecoveredBehind: 24,
    unrecoveredUnanswered: 25,
    handshakesRefused: 2,
    requestsForwarded: 4,
    requestsAnswered: 90,
    eventsReceived: 100,
    broadcasts: 20,
    deliveries: 800,
    handlerErrors: 1,
    busDropped: 0,
    busFramesReceived: 21,
    logLinesLost: 5,
    appOutputDropped: 30,
    hookConnectCalls: 13,
    hookEventCalls: 14,
    hookJoinCalls: 15,
    hookDisconnectCalls: 16,
    hookMicroseconds: 2_500_000,
  },
};
