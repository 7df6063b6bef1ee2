/** The table of all checks, in the order in which they are shown. */

import type { Check } from './check.ts';
import { listeningChecks } from './listening.ts';
import { memoryChecks } from './memory.ts';
import { openFileChecks } from './open-files.ts';
import { portChecks } from './ports.ts';
import { processorChecks } from './processor.ts';
import { restartChecks } from './restart.ts';
import { trafficChecks } from './traffic.ts';

export const CHECKS: readonly Check[] = [
  ...openFileChecks,
  ...memoryChecks,
  ...processorChecks,
  ...portChecks,
  ...listeningChecks,
  ...trafficChecks,
  ...restartChecks,
];
