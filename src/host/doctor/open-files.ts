/**
 * Open files: every session is one. The limit of a process decides how many workers a node needs,
 * the host's how many sessions there can be at all.
 */

import { SESSION_COST } from '../figures/session-cost.ts';
import { kindOfHost } from '../machine/describe.ts';
import type { HostFiles } from '../machine/host-files.ts';
import { kernelMemory } from '../machine/kernel-memory.ts';
import { loginOpenFiles, openFilesOf } from '../machine/login-limits.ts';
import { openFileLimits, processStatus, UNLIMITED } from '../machine/process-limits.ts';
import { defaultOpenFiles, isSystemdRunning, serviceUnit } from '../machine/service-unit.ts';
import { sysctlNumber, sysctlNumbers } from '../machine/sysctl.ts';
import { type Check, type Finding, settingsWarning, skipped } from './check.ts';
import type { Outlook } from './outlook.ts';
import { bytes, count, limitText, roundUp } from './quantities.ts';
import { LOGIN_LIMITS_FILE, SERVICE, UNIT_FILE } from './reach.ts';

/** Files of a worker that is empty, and of the controller for it. */
const FILES_PER_WORKER = 64;

function sessionsWith({ goal: { node } }: Outlook, openFiles: number): number {
  return node.meanOf(openFiles) * node.workersMost;
}

/** What becomes of a limit that is configured: no process can have more than fs.nr_open. */
function attainable(host: HostFiles, limit: number): number {
  return Math.min(limit, sysctlNumber(host, 'fs.nr_open') ?? limit);
}

/** What a limit that is too low for a worker a core leads to. */
function consequenceOf(outlook: Outlook, limit: number): string {
  const { goal, workersLeast, cores } = outlook;
  const most = sessionsWith(outlook, limit);
  if (most < goal.connections) {
    return `a node takes at most ${count(most)} sessions and answers 503 to the others`;
  }
  const wholeCores = Math.max(1, Math.floor(cores));
  const workers = goal.node.workersFor(goal.connections, limit, wholeCores);
  const more = bytes((workers - workersLeast) * SESSION_COST.emptyWorkerBytes);
  return (
    `no session is lost, but this makes ${count(workers)} workers instead of ` +
    `${count(workersLeast)}, which are ${more} of memory when empty`
  );
}

function raiseCommands(outlook: Outlook): readonly string[] {
  const { host, openFiles, openFilesNeeded } = outlook;
  if (openFiles !== undefined && openFiles.hard >= openFilesNeeded) {
    return [`ulimit -n ${openFilesNeeded}`];
  }
  if (kindOfHost(host.root) === 'container' && !processStatus(host, 'self')?.mayRaiseLimits) {
    return [`docker run --ulimit nofile=${openFilesNeeded} …`];
  }
  const lines = loginLimitsText(outlook).replaceAll('\n', '\\n');
  const both = `${openFilesNeeded}:${openFilesNeeded}`;
  const now = `prlimit --pid $$ --nofile=${both}`;
  return lines === '' ? [now] : [`printf '${lines}' > ${LOGIN_LIMITS_FILE}`, now];
}

/**
 * Lines for those whose logins have fewer open files than are needed, and for nobody else: a line
 * for everybody would also lower the limit of who has more.
 */
export function loginLimitsText(outlook: Outlook): string {
  const { host, openFiles, openFilesNeeded } = outlook;
  // The star is for everybody but root.
  return ['*', 'root']
    .filter((who) => (openFilesOf(host, who)?.hard ?? openFiles?.hard ?? 0) < openFilesNeeded)
    .map((who) => `${who} - nofile ${loginOpenFilesNeeded(outlook)}\n`)
    .join('');
}

/** Who has no line yet may have what systemd gives, though this shell has less. */
export function loginOpenFilesNeeded({ host, openFilesNeeded }: Outlook): number {
  const usual = isSystemdRunning(host) ? attainable(host, defaultOpenFiles(host)) : 0;
  return Math.max(openFilesNeeded, usual);
}

export function unitText(openFiles: number): string {
  return `[Service]\nLimitNOFILE=${openFiles}\n`;
}

const configuration: Check = {
  name: 'the configuration',
  symptom: '503 with Retry-After to new clients',
  isQuick: true,
  examine(outlook): Finding {
    const { goal } = outlook;
    const { maxSessionsPerWorker: most, workersMost } = goal.node;
    if (most === undefined) return skipped('maxSessionsPerWorker is auto');
    const sessions = sessionsWith(outlook, UNLIMITED);
    const read = `${count(most)} in each of ${count(workersMost)} workers`;
    const needs = `${count(goal.connections)}, which workers do not share evenly`;
    if (sessions >= goal.connections) return { state: 'ok', read, needs, sessions };
    return {
      state: 'warning',
      read,
      needs,
      sessions,
      consequence: `maxSessionsPerWorker and workers allow about ${count(sessions)}`,
      fix: ['holdfast start --workers auto --max-sessions-per-worker auto'],
    };
  },
};

const shell: Check = {
  name: 'open files here',
  symptom: 'EMFILE (too many open files) in a worker; holdfast answers 503 before it comes to that',
  isQuick: true,
  examine(outlook): Finding {
    const { openFiles: limits, openFilesNeeded: needed } = outlook;
    if (limits === undefined) return skipped('/proc/self/limits cannot be read');
    const read = `${limitText(limits.soft)} soft, ${limitText(limits.hard)} hard`;
    const needs = `${count(needed)} for ${count(outlook.workersLeast)} workers`;
    const sessions = sessionsWith(outlook, limits.soft);
    if (limits.soft >= needed) return { state: 'ok', read, needs, sessions };
    return {
      state: 'warning',
      read,
      needs,
      sessions,
      consequence: consequenceOf(outlook, limits.soft),
      fix: raiseCommands(outlook),
    };
  },
};

const runningWorkers: Check = {
  name: 'open files of workers',
  symptom: '503 to new clients; EMFILE in a worker',
  examine({ host, goal, workerPids }): Finding {
    const limits = workerPids.flatMap((pid) => openFileLimits(host, pid)?.soft ?? []);
    if (limits.length === 0) return skipped('no worker runs on this host');
    const { capacityOf, meanOf } = goal.node;
    // One alone gets all connections.
    const sessionsOf = limits.length === 1 ? capacityOf : meanOf;
    const sessions = limits.reduce((sum, limit) => sum + sessionsOf(limit), 0);
    const read = `${count(limits.length)} workers with ${limitText(Math.min(...limits))} or more`;
    const needs = `together room for ${count(goal.connections)} sessions`;
    if (sessions >= goal.connections) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence: `the workers that run now take ${count(sessions)} sessions together`,
      fix: [`holdfast start --connections ${goal.connections}`],
    };
  },
};

const unit: Check = {
  name: 'open files of the unit',
  symptom: 'EMFILE or 503 when systemd starts the node, though a shell shows a higher limit',
  examine(outlook): Finding {
    const { host, openFilesNeeded: needed } = outlook;
    if (!isSystemdRunning(host)) return skipped('systemd does not run this host');
    const service = serviceUnit(host, SERVICE);
    if (service === undefined) return skipped(`there is no ${SERVICE}`);
    const limit = service.openFiles?.hard ?? defaultOpenFiles(host);
    const origin = service.openFiles ? '' : " (systemd's default)";
    const read = `LimitNOFILE ${limitText(limit)}${origin}`;
    const needs = `${count(needed)} for ${count(outlook.workersLeast)} workers`;
    const sessions = sessionsWith(outlook, attainable(host, limit));
    if (limit >= needed) return { state: 'ok', read, needs, sessions };
    return {
      state: 'warning',
      read,
      needs,
      sessions,
      consequence: consequenceOf(outlook, limit),
      fix: [
        `mkdir -p ${UNIT_FILE.slice(0, UNIT_FILE.lastIndexOf('/'))}`,
        `printf '${unitText(needed).replaceAll('\n', '\\n')}' > ${UNIT_FILE}`,
        'systemctl daemon-reload',
        `systemctl restart ${SERVICE}`,
      ],
    };
  },
};

const unitApplied: Check = {
  name: 'the unit, as it runs',
  symptom: 'EMFILE or 503 although the unit has been corrected',
  examine({ host }): Finding {
    const service = isSystemdRunning(host) ? serviceUnit(host, SERVICE) : undefined;
    if (service?.openFiles === undefined) return skipped(`no ${SERVICE} sets LimitNOFILE`);
    const limits = service.pids.flatMap((pid) => openFileLimits(host, pid)?.hard ?? []);
    if (limits.length === 0) return skipped(`${SERVICE} does not run`);
    const configured = attainable(host, service.openFiles.hard);
    const lowest = Math.min(...limits);
    const read = `${limitText(lowest)} in the running service`;
    const needs = `${limitText(configured)}, as the unit says`;
    if (lowest >= configured) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence: 'the limit is set but not applied: the service started before it was set',
      fix: ['systemctl daemon-reload', `systemctl restart ${SERVICE}`],
    };
  },
};

const loginApplied: Check = {
  name: 'the limit of a login',
  symptom: 'EMFILE or 503 although limits.d has been corrected',
  examine({ host, openFiles }): Finding {
    const uid = processStatus(host, 'self')?.uid;
    const login = uid === undefined ? undefined : loginOpenFiles(host, uid);
    if (login === undefined || openFiles === undefined) {
      return skipped('no file in /etc/security sets one for this user');
    }
    const configured = attainable(host, login.hard);
    const read = `${limitText(openFiles.hard)} in this shell`;
    const needs = `${limitText(configured)}, as ${login.path} says`;
    if (openFiles.hard >= configured) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence: 'the limit is set but not applied: it takes effect with the next login',
      fix: ['su --login "$USER"'],
    };
  },
};

const highestLimit: Check = {
  name: 'fs.nr_open',
  symptom: 'EPERM from ulimit; a login or a service with a higher limit does not start at all',
  examine({ host, openFilesNeeded: needed }): Finding {
    const most = sysctlNumber(host, 'fs.nr_open');
    if (most === undefined) return skipped('this kernel has no fs.nr_open');
    const read = count(most);
    const needs = `${count(needed)}, the open files of a worker`;
    if (most >= needed) return { state: 'ok', read, needs };
    return settingsWarning({
      read,
      needs,
      consequence: 'no limit on open files can be set above it',
      settings: { 'fs.nr_open': String(roundUp(needed)) },
    });
  },
};

const ofHost: Check = {
  name: 'fs.file-max',
  symptom: "ENFILE (too many open files in system), in every program of the host but root's",
  isQuick: true,
  examine({ host, goal, workers, socketsPerSession }): Finding {
    const [used, , most] = sysctlNumbers(host, 'fs.file-nr') ?? [];
    if (used === undefined || most === undefined) return skipped('this kernel has no fs.file-nr');
    // Sockets that are open now may be sessions already.
    const others = Math.max(0, used - (kernelMemory(`${host.root}/proc`)?.tcpSockets ?? 0));
    const own = others + workers * FILES_PER_WORKER;
    const needed = own + goal.connections * socketsPerSession;
    const sessions = Math.max(0, Math.floor((most - own) / socketsPerSession));
    const read = `${most >= 2 ** 53 ? 'unlimited' : count(most)}, ${count(used)} in use`;
    const needs = `${count(needed)}${goal.withFleet ? ', both ends of each connection' : ''}`;
    if (most >= needed) return { state: 'ok', read, needs, sessions };
    return settingsWarning({
      read,
      needs,
      sessions,
      consequence: `new connections fail from ${count(sessions)} sessions on`,
      settings: { 'fs.file-max': String(roundUp(needed * 1.1)) },
    });
  },
};

export const openFileChecks: readonly Check[] = [
  configuration,
  shell,
  runningWorkers,
  unit,
  unitApplied,
  loginApplied,
  highestLimit,
  ofHost,
];
