/**
 * What `--apply` and `--undo` may touch: these files and kernel settings and no others, whatever a
 * check asks for or a saved state says.
 */

export const SERVICE: string = 'holdfast.service';
export const SYSCTL_FILE: string = '/etc/sysctl.d/90-holdfast.conf';
export const LOGIN_LIMITS_FILE: string = '/etc/security/limits.d/90-holdfast.conf';
export const UNIT_FILE: string = `/etc/systemd/system/${SERVICE}.d/90-holdfast.conf`;
export const FILES: readonly string[] = [SYSCTL_FILE, LOGIN_LIMITS_FILE, UNIT_FILE];

export const RANGE = 'net.ipv4.ip_local_port_range';
export const RESERVED = 'net.ipv4.ip_local_reserved_ports';
export const SETTINGS: readonly string[] = [
  'fs.file-max',
  'fs.nr_open',
  'kernel.pid_max',
  'kernel.threads-max',
  'net.core.netdev_max_backlog',
  'net.core.somaxconn',
  RANGE,
  RESERVED,
  'net.ipv4.tcp_max_syn_backlog',
  'net.ipv4.tcp_mem',
  'net.ipv4.tcp_migrate_req',
  'net.ipv4.tcp_tw_reuse',
  'net.netfilter.nf_conntrack_max',
  'vm.max_map_count',
];

/** Whether a value gives at least what another gives; the last guard against lowering one. */
export function isRaise(name: string, before: string, wanted: string): boolean {
  // A list, which checks only add to.
  if (name === RESERVED) return true;
  const now = before.split(' ').map(Number);
  const next = wanted.split(' ').map(Number);
  if (name === RANGE) return (next[0] ?? 0) <= (now[0] ?? 0) && (next[1] ?? 0) >= (now[1] ?? 0);
  return next.length === now.length && next.every((value, at) => value >= (now[at] ?? 0));
}
