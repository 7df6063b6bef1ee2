/**
 * The load client: a process of its own, driven over IPC. It holds up to 19,000 sessions, counts
 * what they receive, and watches how late its own event loop is. It ends when the IPC channel
 * does, so it cannot outlive the benchmark.
 */

import type { LoadAnswer, LoadRequest, LoadSettings } from './messages.ts';
import { plain } from './plain.ts';
import type { Protocol } from './protocol.ts';
import { socketIo } from './socket-io.ts';
import { Swarm } from './swarm.ts';

const LAG_PROBE_MS = 20;
const PROGRESS_MS = 1_000;
const PROTOCOLS: Record<LoadSettings['protocol'], Protocol> = { plain, 'socket-io': socketIo };

function run(settings: LoadSettings): void {
  const swarm = new Swarm(new URL(settings.url), PROTOCOLS[settings.protocol]);
  let lagMs = 0;
  let probedAt = performance.now();
  setInterval(() => {
    const now = performance.now();
    lagMs = Math.max(lagMs, now - probedAt - LAG_PROBE_MS);
    probedAt = now;
  }, LAG_PROBE_MS);

  const answer = (message: LoadAnswer): void => void process.send?.(message);
  const obey = async (request: LoadRequest): Promise<void> => {
    if (request.kind === 'fill') await fill(swarm, request.sessions, answer);
    else if (request.kind === 'leave') await swarm.leave();
    else if (request.kind === 'await') await swarm.delivered(request.deliveries);
    const counters = swarm.counters(Math.round(lagMs));
    lagMs = 0;
    answer({ kind: 'done', id: request.id, counters });
  };
  process.on('message', (message) => {
    const request = message as LoadRequest;
    obey(request).catch((error: unknown) => {
      const counters = JSON.stringify(swarm.counters(Math.round(lagMs)));
      answer({ kind: 'failed', id: request.id, reason: `${String(error)}; ${counters}` });
    });
  });
}

async function fill(
  swarm: Swarm,
  sessions: number,
  answer: (message: LoadAnswer) => void,
): Promise<void> {
  const timer = setInterval(() => {
    answer({ kind: 'progress', established: swarm.counters(0).established });
  }, PROGRESS_MS);
  try {
    await swarm.fill(sessions);
  } finally {
    clearInterval(timer);
  }
}

process.on('disconnect', () => process.exit(0));
run(JSON.parse(process.argv[2] ?? '{}') as LoadSettings);
