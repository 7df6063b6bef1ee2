/**
 * The load client: a process of its own, driven over IPC. It holds up to 19,000 sessions, counts
 * what they receive, and watches how late its own event loop is. It ends when the IPC channel
 * does, so it cannot outlive the benchmark.
 */

import { openFileLimit } from '../measure/machine.ts';
import { Crowd } from './crowd.ts';
import type { LoadAnswer, LoadRequest, LoadSettings } from './messages.ts';

const LAG_PROBE_MS = 20;
const PROGRESS_MS = 1_000;

function run(settings: LoadSettings): void {
  const crowd = new Crowd(settings, openFileLimit());
  let lagMs = 0;
  let probedAt = performance.now();
  setInterval(() => {
    const now = performance.now();
    lagMs = Math.max(lagMs, now - probedAt - LAG_PROBE_MS);
    probedAt = now;
  }, LAG_PROBE_MS);

  const answer = (message: LoadAnswer): void => void process.send?.(message);
  const obey = async (request: LoadRequest): Promise<void> => {
    if (request.kind === 'fill') await fill(crowd, request, answer);
    else if (request.kind === 'leave') await crowd.leave();
    else if (request.kind === 'await') await crowd.delivered(request.deliveries);
    const counters = crowd.counters(Math.round(lagMs));
    lagMs = 0;
    answer({ kind: 'done', id: request.id, counters });
  };
  process.on('message', (message) => {
    const request = message as LoadRequest;
    obey(request).catch((error: unknown) => {
      const counters = JSON.stringify(crowd.counters(Math.round(lagMs)));
      answer({ kind: 'failed', id: request.id, reason: `${String(error)}; ${counters}` });
    });
  });
}

async function fill(
  crowd: Crowd,
  { sessions, perSecond }: { readonly sessions: number; readonly perSecond?: number },
  answer: (message: LoadAnswer) => void,
): Promise<void> {
  const timer = setInterval(() => {
    answer({ kind: 'progress', established: crowd.counters(0).established });
  }, PROGRESS_MS);
  try {
    await crowd.fill(sessions, perSecond);
  } finally {
    clearInterval(timer);
  }
}

process.on('disconnect', () => process.exit(0));
run(JSON.parse(process.argv[2] ?? '{}') as LoadSettings);
