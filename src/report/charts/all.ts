/** All charts of a report, in their order. Those that no log has data for are left out. */

import type { Chart } from './chart.ts';
import type { Runs } from './compose.ts';
import { connectRate } from './connect-rate.ts';
import { connectionsMemory } from './connections-memory.ts';
import { cpu } from './cpu.ts';
import { latency } from './latency.ts';
import { pauses } from './pauses.ts';
import { spread } from './spread.ts';

export function chartsOf(runs: Runs): readonly Chart[] {
  return [connectionsMemory, cpu, pauses, connectRate, latency, spread].flatMap(
    (chart) => chart(runs) ?? [],
  );
}
