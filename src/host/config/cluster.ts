/** What the config says of how workers of several nodes reach each other. */
import { z } from 'zod';
import { key } from './keys.ts';

export interface ClusterConfig {
  readonly clusterHost: string;
  readonly clusterPort: number;
  readonly clusterSecret?: string | undefined;
}

const PORT_MAX = 65_535;

export const clusterShape: { [K in keyof ClusterConfig]-?: z.ZodType<ClusterConfig[K]> } = {
  clusterHost: key(
    z
      .string()
      .regex(/^[A-Za-z0-9._:%-]{1,253}$/)
      .default('auto'),
    'Where workers listen for other nodes, and under which those reach them; `auto` is the first ' +
      'address of the host that is not loopback. What goes there is not encrypted: it belongs ' +
      'into a private network. A node by itself (`broker: embedded`) does not listen.',
    { allowed: 'a name or an address of this host, or "auto"' },
  ),
  clusterPort: key(
    z.int().min(0).max(PORT_MAX).default(0),
    'The port of worker 0 for other nodes; worker n listens on this plus n. 0 takes any free ones.',
  ),
  clusterSecret: key(
    z
      .string()
      .regex(/^[!-~]{32,}$/)
      .optional(),
    'What nodes prove to each other that they know; the same on all of them. Without it one is ' +
      'made and kept in Redis, for whoever can read that.',
    { allowed: '32 or more visible ASCII characters', isSecret: true },
  ),
};
