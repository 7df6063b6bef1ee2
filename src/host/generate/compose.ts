/** A compose file that runs one node, with limits, a file of secrets, and no more than it needs. */

import type { Config } from '../config/schema.ts';
import { checkReachable, containerSettings, imageName, missingFiles } from './container.ts';
import { comment, type HostFacts } from './deployment.ts';

const SECRETS_FILE = 'holdfast.secrets.env';
/** What the controller takes to end after it has killed workers that did not. */
const STOP_MARGIN_S = 10;

/** @throws GenerateError for a config whose node could not be reached */
export function composeText(
  config: Config,
  { openFilesNeeded }: { readonly openFilesNeeded: HostFacts['openFiles'] },
  image: string,
): string {
  checkReachable(config);
  const { variables, secrets } = containerSettings(config);
  const { port, adminPort, shutdownTimeoutMs } = config;
  const head = comment(
    'Holdfast in a container; written by "holdfast generate compose".',
    `${SECRETS_FILE} has to be there (mode 0600), with: ${secrets.join(', ')}.`,
    ...missingFiles(config),
  );
  const holdfast = {
    image: imageName(image),
    command: ['start'],
    // `$` would begin a variable of whoever reads the file.
    environment: Object.fromEntries(
      variables.map(([name, value]) => [name, value.replaceAll('$', '$$$$')]),
    ),
    env_file: [SECRETS_FILE],
    // In words: `22:22` would be a number to some who read YAML.
    ports: [
      { target: port, published: String(port) },
      { target: adminPort, published: String(adminPort), host_ip: '127.0.0.1' },
    ],
    restart: 'unless-stopped',
    stop_grace_period: `${Math.ceil(shutdownTimeoutMs / 1_000) + STOP_MARGIN_S}s`,
    ulimits: { nofile: { soft: openFilesNeeded, hard: openFilesNeeded } },
    read_only: true,
    tmpfs: ['/tmp'],
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
  };
  return `${head}\n${Bun.YAML.stringify({ services: { holdfast } }, null, 2)}\n`;
}
