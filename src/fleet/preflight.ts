/**
 * One session with each target and protocol before anything else is started: a mistake in an
 * address is told in one sentence at once, and not as a thousand failures later. It is made by the
 * very swarm that agents run, so it sees what they will see.
 */

import type { AgentOrder, ClientProtocol, ProtocolWeight } from '../agent/contract.ts';
import { Swarm } from '../agent/swarm.ts';
import { FleetError } from './fleet-error.ts';
import type { Target } from './target.ts';

const TICK_MS = 10;
const TIMEOUT_MS = 5_000;

export interface Preflight {
  readonly targets: readonly Target[];
  readonly mix: readonly ProtocolWeight[];
  readonly auth: string;
  /** Each is used once; empty lets the kernel choose. */
  readonly sources: readonly string[];
}

/** @throws FleetError for the first session that does not come about */
export async function preflight({ targets, mix, auth, sources }: Preflight): Promise<void> {
  const [first] = targets;
  for (const target of targets) {
    for (const { protocol } of mix) await probe(target, protocol, auth, undefined);
  }
  const protocol = mix[0]?.protocol;
  if (first === undefined || protocol === undefined) return;
  for (const source of sources) await probe(first, protocol, auth, source);
}

async function probe(
  target: Target,
  protocol: ClientProtocol,
  auth: string,
  source: string | undefined,
): Promise<void> {
  const swarm = new Swarm(1);
  swarm.obey(orderOf(target, protocol, auth, source));
  const deadlineMs = performance.now() + TIMEOUT_MS;
  try {
    while (swarm.open === 0) {
      swarm.tick(performance.now());
      const [failure] = Object.keys(swarm.tally.counters().failures);
      const isLate = performance.now() > deadlineMs;
      if (failure !== undefined || isLate) {
        throw new FleetError(sentence(target, protocol, source, failure ?? 'no answer'));
      }
      await Bun.sleep(TICK_MS);
    }
  } finally {
    swarm.cut();
  }
}

function orderOf(
  target: Target,
  protocol: ClientProtocol,
  auth: string,
  source: string | undefined,
): AgentOrder {
  return {
    run: 'preflight',
    connections: 1,
    rate: 1_000,
    targets: [target.url],
    sources: source === undefined ? [] : [source],
    mix: [{ protocol, weight: 1 }],
    auth,
    firstNumber: 0,
    churnPerMinute: 0,
    storms: 0,
    clockOffsetMs: 0,
  };
}

const PROTOCOL_NAMES: Readonly<Record<ClientProtocol, string>> = {
  'socket-io': 'Socket.IO over WebSocket',
  websocket: 'WebSocket',
};

function sentence(
  target: Target,
  protocol: ClientProtocol,
  source: string | undefined,
  failure: string,
): string {
  const { url, host, port } = target;
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const spoken = PROTOCOL_NAMES[protocol];
  const status = /^HTTP (\d{3})$/.exec(failure)?.[1];
  if (source !== undefined && failure === 'EADDRNOTAVAIL') {
    return `${source} is no address of this host: correct --source.`;
  }
  if (status === '503') {
    return `The server at ${place} refuses sessions already (HTTP 503): it is full or not ready.`;
  }
  if (status !== undefined) {
    return (
      `The server at ${place} answers ${url} with HTTP ${status}, not with ${spoken}: correct ` +
      'the path of --target, or --protocol.'
    );
  }
  switch (failure) {
    case 'not the protocol':
      return `What answers at ${place} does not speak ${spoken}: correct --target or --protocol.`;
    case 'refused':
      return `The server at ${place} refuses the session: give what it wants with --auth.`;
    case 'handshake timeout':
    case 'no answer':
      return (
        `${place} accepts no ${spoken} session within ${TIMEOUT_MS / 1000} s: see whether the ` +
        'server runs and speaks it, or correct --target or --protocol.'
      );
    case 'ECONNREFUSED':
      return `Nothing listens at ${place} (ECONNREFUSED): start the server, or correct --target.`;
    default:
      return (
        `No ${spoken} session with ${place} came about (${failure}): see whether the server can ` +
        'be reached, or correct --target or --protocol.'
      );
  }
}
