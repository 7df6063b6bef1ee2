/** What bounds packets on their way: connection tracking, socket buffers, queues of the cores. */

import { kernelMemory, pageBytes } from '../machine/kernel-memory.ts';
import { droppedPackets } from '../machine/network-counters.ts';
import { sysctlNumber, sysctlNumbers } from '../machine/sysctl.ts';
import { type Check, type Finding, settingsWarning, skipped } from './check.ts';
import { bytes, count, roundUp } from './quantities.ts';

/** What one tracked connection costs the kernel. */
const TRACKED_BYTES = 320;
/** Room in the table for connections that have ended: they stay for up to two minutes. */
const TRACKED_RESERVE = 1.25;
/** A socket may have its minimum even when memory for sockets is short. */
const BUFFER_MINIMUM_MOST = 16_384;
/** What one socket may hold without growing; a client that reads slowly makes use of it. */
const BUFFER_DEFAULT_MOST = 1_048_576;
/** More in one bucket, and the walk to find one shows in profiles. */
const CHAIN_MOST = 4;
/** A queue longer than this only adds delay. */
const PACKET_QUEUE_MOST = 32_768;

const tracking: Check = {
  name: 'nf_conntrack_max',
  symptom: 'ETIMEDOUT, and "nf_conntrack: table full, dropping packet" in the kernel\'s log',
  isQuick: true,
  examine({ host, goal }): Finding {
    const most = sysctlNumber(host, 'net.netfilter.nf_conntrack_max');
    const used = sysctlNumber(host, 'net.netfilter.nf_conntrack_count');
    if (most === undefined || used === undefined) return skipped('conntrack is not loaded');
    if (used === 0) {
      // Any host has some traffic; an empty table means that no rule asks for tracking.
      return { state: 'ok', read: `${count(most)}, 0 in use`, needs: 'nothing: it tracks nothing' };
    }
    const needed = Math.ceil(goal.connections * TRACKED_RESERVE);
    const sessions = Math.floor(most / TRACKED_RESERVE);
    const read = `${count(most)}, ${count(used)} in use`;
    const needs = `${count(needed)}, a quarter of them for what has just ended`;
    if (most >= needed) return { state: 'ok', read, needs, sessions };
    return settingsWarning({
      read,
      needs,
      sessions,
      consequence:
        `packets of new connections are dropped; the larger table takes ` +
        `${bytes(needed * TRACKED_BYTES)} of kernel memory`,
      settings: { 'net.netfilter.nf_conntrack_max': String(roundUp(needed)) },
    });
  },
};

const tcpMemory: Check = {
  name: 'tcp_mem',
  symptom: 'ENOBUFS, ECONNRESET, and "TCP: out of memory" in the kernel\'s log',
  examine({ host, goal, socketsPerSession }): Finding {
    const [low, pressure, high] = sysctlNumbers(host, 'net.ipv4.tcp_mem') ?? [];
    const memory = kernelMemory(`${host.root}/proc`);
    if (low === undefined || pressure === undefined || high === undefined) {
      return skipped('this kernel has no net.ipv4.tcp_mem');
    }
    // It bounds data in buffers, not sockets: idle ones hold none. A broadcast gives each of them
    // some, which counts as a page until the client has acknowledged it.
    const wanted = goal.connections * socketsPerSession;
    const page = pageBytes(`${host.root}/proc`);
    const half = (memory?.totalBytes ?? Number.POSITIVE_INFINITY) / 2 / page;
    const needed = Math.floor(Math.min(wanted, half / 1.5));
    const read = `${count(pressure)} pages, at most ${count(high)} (${bytes(high * page)})`;
    const needs =
      `${count(needed)} pages (${bytes(needed * page)}), ` +
      (needed < wanted ? 'as much as this memory allows' : 'one a socket that has data waiting');
    if (pressure >= needed) return { state: 'ok', read, needs };
    const target = [needed * 0.75, needed, needed * 1.5].map(Math.ceil);
    const raised = [low, pressure, high].map((now, at) => Math.max(now, target[at] ?? 0));
    return settingsWarning({
      read,
      needs,
      consequence:
        `when a broadcast is on its way to more than ${count(pressure)} sockets at once, the ` +
        `kernel shrinks their buffers, and from ${count(high)} on it drops connections`,
      settings: { 'net.ipv4.tcp_mem': raised.join(' ') },
    });
  },
};

/** Negative numbers say that a network namespace uses the table of its host. */
const TABLE_OF_HOST = [
  'on the host of this network namespace, whose table it uses: holdfast doctor',
];

/** A file of its own, which is read last and can be taken away again. */
function tableCommands(entries: number): readonly string[] {
  const line = `GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX thash_entries=${entries}"`;
  return [
    `echo '${line}' > /etc/default/grub.d/90-holdfast.cfg`,
    'update-grub',
    'a restart of the host, at a time of your choice: the kernel makes its table when it starts',
  ];
}

const connectionTable: Check = {
  name: 'tcp_ehash_entries',
  symptom: 'ETIMEDOUT for new clients and late heartbeats, with the cores busy in the kernel',
  examine({ host, goal, socketsPerSession }): Finding {
    const setting = sysctlNumber(host, 'net.ipv4.tcp_ehash_entries') ?? 0;
    const entries = Math.abs(setting);
    if (entries === 0) return skipped('this kernel has no net.ipv4.tcp_ehash_entries (Linux 6.1)');
    const sockets = goal.connections * socketsPerSession;
    const needed = 2 ** Math.ceil(Math.log2(Math.max(1, sockets / CHAIN_MOST)));
    const read = `${count(entries)} buckets in the table of connections`;
    const needs = `${count(needed)}, for at most ${CHAIN_MOST} connections in a bucket`;
    if (entries >= needed) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence:
        `each packet is looked up among ${count(Math.round(sockets / entries))} connections; ` +
        'with eight, that took a tenth of all CPU',
      // It is made when the kernel starts: no setting for --apply.
      fix: setting < 0 ? TABLE_OF_HOST : tableCommands(needed),
    };
  },
};

const buffers: Check = {
  name: 'tcp_rmem, tcp_wmem',
  symptom: 'out of memory, or "TCP: out of memory", when many clients read slowly',
  examine({ host, goal }): Finding {
    const receive = sysctlNumbers(host, 'net.ipv4.tcp_rmem');
    const send = sysctlNumbers(host, 'net.ipv4.tcp_wmem');
    if (receive === undefined || send === undefined) {
      return skipped('this kernel has no net.ipv4.tcp_rmem');
    }
    const words = ([least = 0, normal = 0]: readonly number[]): string =>
      `${count(least)} to ${count(normal)}`;
    const read = `receive ${words(receive)}, send ${words(send)} bytes`;
    const needs = `minimum up to ${count(BUFFER_MINIMUM_MOST)}, default up to 1 MiB`;
    const [least, normal] = [0, 1].map((at) => Math.max(receive[at] ?? 0, send[at] ?? 0));
    const isHuge = (least ?? 0) > BUFFER_MINIMUM_MOST || (normal ?? 0) > BUFFER_DEFAULT_MOST;
    if (!isHuge) return { state: 'ok', read, needs };
    return {
      state: 'warning',
      read,
      needs,
      consequence:
        `${count(goal.connections)} clients that read slowly may hold ` +
        `${bytes(goal.connections * (normal ?? 0))} of kernel memory`,
      // A value is lowered here, which is for the operator to decide: no setting for --apply.
      fix: [
        `sysctl -w net.ipv4.tcp_rmem="4096 131072 ${receive[2] ?? 6_291_456}"`,
        `sysctl -w net.ipv4.tcp_wmem="4096 16384 ${send[2] ?? 4_194_304}"`,
      ],
    };
  },
};

const packetQueue: Check = {
  name: 'netdev_max_backlog',
  symptom: 'ETIMEDOUT and late deliveries: packets are lost inside the host and sent again',
  examine({ host, goal, workers }): Finding {
    const most = sysctlNumber(host, 'net.core.netdev_max_backlog');
    const dropped = droppedPackets(host);
    if (most === undefined || dropped === undefined) {
      return skipped('this kernel does not count dropped packets');
    }
    const read = `${count(most)}; ${count(dropped)} packets dropped since the boot`;
    // A worker writes a broadcast to all its sessions in one turn.
    const needed = Math.min(PACKET_QUEUE_MOST, roundUp(goal.connections / workers));
    if (most >= needed || (dropped === 0 && !goal.withFleet)) {
      return { state: 'ok', read, needs: goal.withFleet ? count(needed) : 'that none is dropped' };
    }
    return settingsWarning({
      read,
      needs: `${count(needed)}, about one packet for each session of a worker`,
      consequence: 'on loopback a broadcast overruns the queue of a core',
      settings: { 'net.core.netdev_max_backlog': String(needed) },
    });
  },
};

export const trafficChecks: readonly Check[] = [
  tracking,
  connectionTable,
  tcpMemory,
  buffers,
  packetQueue,
];
