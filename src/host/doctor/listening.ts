/** What happens to connections before a worker has accepted them. */

import { tcpCounter } from '../machine/network-counters.ts';
import { sysctlNumber } from '../machine/sysctl.ts';
import { type Check, type Finding, settingsWarning, skipped } from './check.ts';
import { count } from './quantities.ts';

/** What Bun asks for when it listens, each worker for itself; `ss -ltn` shows it as Send-Q. */
const BACKLOG = 512;
/** The kernel's own default for both queues on hosts with some memory. */
const QUEUE_DEFAULT = '4096';

const acceptQueue: Check = {
  name: 'net.core.somaxconn',
  symptom: 'ETIMEDOUT or ECONNREFUSED in clients that all come at once',
  examine({ host }): Finding {
    const most = sysctlNumber(host, 'net.core.somaxconn');
    if (most === undefined) return skipped('this kernel has no net.core.somaxconn');
    const overflows = tcpCounter(host, 'ListenOverflows');
    const seen = overflows === undefined ? '' : `; ${count(overflows)} overflows since the boot`;
    const read = `${count(most)}${seen}`;
    const needs = `${BACKLOG}, the backlog that each worker listens with`;
    if (most >= BACKLOG) return { state: 'ok', read, needs };
    return settingsWarning({
      read,
      needs,
      consequence: `each worker has room for ${count(most)} clients it has not yet accepted`,
      settings: { 'net.core.somaxconn': QUEUE_DEFAULT },
    });
  },
};

const handshakeQueue: Check = {
  name: 'tcp_max_syn_backlog',
  symptom: 'ETIMEDOUT in clients that all come at once',
  examine({ host }): Finding {
    const most = sysctlNumber(host, 'net.ipv4.tcp_max_syn_backlog');
    if (most === undefined) return skipped('this kernel has no net.ipv4.tcp_max_syn_backlog');
    const hasCookies = (sysctlNumber(host, 'net.ipv4.tcp_syncookies') ?? 0) > 0;
    // Without cookies the kernel keeps the last quarter for clients that it knows.
    const needed = hasCookies ? BACKLOG : BACKLOG * 2;
    const read = `${count(most)}, syncookies ${hasCookies ? 'on' : 'off'}`;
    const needs = `${count(needed)}${hasCookies ? '; cookies take what is beyond' : ''}`;
    if (most >= needed) return { state: 'ok', read, needs };
    return settingsWarning({
      read,
      needs,
      consequence: 'connections half open beyond it are dropped, or made without TCP options',
      settings: { 'net.ipv4.tcp_max_syn_backlog': QUEUE_DEFAULT },
    });
  },
};

const migration: Check = {
  name: 'tcp_migrate_req',
  symptom: 'ECONNRESET in clients that were just connecting when a worker ended',
  examine({ host }): Finding {
    const isOn = sysctlNumber(host, 'net.ipv4.tcp_migrate_req');
    if (isOn === undefined) return skipped('this kernel has no net.ipv4.tcp_migrate_req (5.14)');
    const read = String(isOn);
    const needs = '1, since workers share the port';
    if (isOn > 0) return { state: 'ok', read, needs };
    return settingsWarning({
      read,
      needs,
      consequence:
        'what waits in the queue of a worker that is stopped or replaced is reset, not handed to ' +
        'another worker',
      settings: { 'net.ipv4.tcp_migrate_req': '1' },
    });
  },
};

export const listeningChecks: readonly Check[] = [acceptQueue, handshakeQueue, migration];
