/**
 * A unit of systemd that runs a node: with its config as variables, enough open files, nothing that
 * it does not need, and a restart when it fails.
 */

import type { Config } from '../config/schema.ts';
import { comment, GenerateError, type HostFacts } from './deployment.ts';
import { pathsOf, settingsOf } from './settings.ts';

export interface SystemdFacts extends Pick<HostFacts, 'workers'> {
  /** The command that starts a node, each word by itself. */
  readonly command: readonly string[];
  /** The open-file limit that the connections of the node need. */
  readonly openFilesNeeded: number;
}

export const SECRETS_FILE = '/etc/holdfast/secrets.env';
const USER = 'holdfast';
const STATE = '/var/lib/holdfast';
/** What the controller takes to end after it has killed workers that did not. */
const STOP_MARGIN_S = 10;
/** Threads of a process: the runtime's own pool, a few for garbage, and reserve. */
const THREADS_PER_PROCESS = 64;
const TASKS_LEAST = 4_096;
const PRIVILEGED_PORTS = 1_024;
const TEMPORARY = /^\/(var\/)?tmp\//;
/** What `ProtectHome` closes. */
const HOMES = /^\/(home|root|run\/user)\//;

/** @throws GenerateError for files where a service cannot see them */
export function systemdText(config: Config, facts: SystemdFacts): string {
  refuseTemporary([...facts.command, ...pathsOf(config)]);
  const { variables, secrets } = settingsOf(config);
  const lines = [
    comment(
      'Holdfast as a service; written by "holdfast generate systemd". Put it into ' +
        '/etc/systemd/system/holdfast.service, then: systemctl daemon-reload && systemctl enable ' +
        '--now holdfast',
    ),
    '[Unit]',
    'Description=Holdfast, a real-time server',
    'Wants=network-online.target',
    'After=network-online.target',
    '# A config that cannot work is not tried for ever.',
    'StartLimitIntervalSec=60',
    'StartLimitBurst=5',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${[...facts.command, 'start'].map(commandWord).join(' ')}`,
    `Environment=HOME=${STATE}`,
    ...variables.map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    ...secretLines(secrets),
    '',
    ...lifeLines(config, facts),
    '',
    ...sandboxLines(config, facts),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ];
  return lines.join('\n');
}

/** A service with a user of its own has temporary folders of its own, and sees no others. */
function refuseTemporary(paths: readonly string[]): void {
  const found = paths.find((path) => TEMPORARY.test(path));
  if (found === undefined) return;
  throw new GenerateError(
    `${found} lies in a temporary folder, which a service does not see: move it elsewhere.`,
  );
}

function secretLines(secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) return [];
  return [
    comment(`A file for root only (mode 0600), with: ${secrets.join(', ')}.`),
    `EnvironmentFile=${SECRETS_FILE}`,
  ];
}

function lifeLines(config: Config, facts: SystemdFacts): readonly string[] {
  const stopSeconds = Math.ceil(config.shutdownTimeoutMs / 1_000) + STOP_MARGIN_S;
  const tasks = Math.max(TASKS_LEAST, (facts.workers + 1) * THREADS_PER_PROCESS);
  return [
    'Restart=on-failure',
    'RestartSec=1',
    '# The controller ends its workers; what is left after shutdownTimeoutMs and 10 s is killed.',
    'KillMode=mixed',
    `TimeoutStopSec=${stopSeconds}`,
    '# The controller replaces a worker that the kernel ended for want of memory.',
    'OOMPolicy=continue',
    '# Each connection is an open file of its worker.',
    `LimitNOFILE=${facts.openFilesNeeded}`,
    `TasksMax=${tasks}`,
  ];
}

function sandboxLines(config: Config, { command }: SystemdFacts): readonly string[] {
  const { port, adminPort, workerPorts, workerPortBase, recordDir, runDir } = config;
  const ports = [port, adminPort, ...(workerPorts ? [workerPortBase] : [])];
  const isLow = ports.some((one) => one > 0 && one < PRIVILEGED_PORTS);
  const needed = [...command, ...pathsOf(config)];
  const isAtHome = needed.some((path) => HOMES.test(path));
  const written = [recordDir, runDir].flatMap((path) => path ?? []);
  return [
    '# A user for as long as the service runs, unless there is one of this name.',
    `User=${USER}`,
    'DynamicUser=yes',
    'StateDirectory=holdfast',
    'UMask=0077',
    'NoNewPrivileges=yes',
    ...(isLow
      ? [
          '# For ports below 1024, and nothing else.',
          'AmbientCapabilities=CAP_NET_BIND_SERVICE',
          'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
        ]
      : ['CapabilityBoundingSet=']),
    'ProtectSystem=strict',
    ...written.map((path) => `ReadWritePaths=${quoted(path)}`),
    ...(isAtHome
      ? ['# The program or a file of its config lies there.', 'ProtectHome=read-only']
      : ['ProtectHome=yes']),
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    '# MemoryDenyWriteExecute would keep the runtime from compiling JavaScript.',
  ];
}

/** A word of systemd's files, in which `%` begins a specifier. Source: systemd.syntax(7). */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return /^[\w./:@=,+%-]+$/.test(text) ? escaped : `"${escaped}"`;
}

/** In commands `$` begins a variable, too. */
function commandWord(text: string): string {
  return quoted(text).replaceAll('$', '$$$$');
}
