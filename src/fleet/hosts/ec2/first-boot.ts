/**
 * The script that an instance runs when it is first booted, as root: it sees to its own end before
 * anything else, installs Holdfast, and starts agents as a user who may do nothing else. The token
 * is in it, so whoever may read the attributes of instances in the account can read the token.
 */

import { FleetError } from '../../settings/fleet-error.ts';
import type { HostFleet } from '../hosts-state.ts';

/** EC2 takes no more. */
const BYTES_MAX = 16_384;

/** What npm installs: a version, or the address of a tarball. */
export function parsePackage(text: string): string {
  if (/^(?:@\w[\w.-]*\/)?\w[\w.-]*(?:@[\w.+-]+)?$|^https:\/\/[\w./:@%+-]+\.tgz$/.test(text)) {
    return text;
  }
  throw new FleetError(
    `--package is "${text}"; it must be what npm installs, such as holdfast@0.1.0, or the ` +
      'https address of a .tgz.',
  );
}

/**
 * @param npmPackage judged by `parsePackage`
 * @throws FleetError when it is longer than EC2 takes
 */
export function firstBootScript(fleet: HostFleet, npmPackage: string): string {
  const minutes = Math.max(1, Math.round((fleet.endsAtMs - fleet.startedAtMs) / 60_000));
  const token = fleet.token.replaceAll("'", String.raw`'\''`);
  const script = `#!/bin/bash
# Ends the instance, whatever becomes of the rest: it is told to terminate when it shuts down.
shutdown -P +${minutes}
cat >/etc/systemd/system/holdfast-end.service <<END
[Service]
Type=oneshot
ExecStart=/bin/systemctl poweroff
END
# The same once more, for one that was booted again meanwhile.
cat >/etc/systemd/system/holdfast-end.timer <<END
[Timer]
OnCalendar=${momentText(fleet.endsAtMs)}
Persistent=true
[Install]
WantedBy=timers.target
END
systemctl enable --now holdfast-end.timer
sysctl -w net.ipv4.ip_local_port_range='1024 65535' \\
  net.ipv4.ip_local_reserved_ports='${range(fleet.ports)}' fs.nr_open=4194304 fs.file-max=4194304
if command -v dnf >/dev/null; then
  for version in 22 20 24; do
    dnf install -y "nodejs$version" "nodejs$version-npm" && break
  done
else
  apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y nodejs npm
fi
mkdir -p /opt/holdfast
for try in 1 2 3; do
  npm install --prefix /opt/holdfast '${npmPackage}' && break
  sleep 10
done
id holdfast-fleet || useradd --system --no-create-home --shell /usr/sbin/nologin holdfast-fleet
install -m 0600 -o holdfast-fleet /dev/null /opt/holdfast/fleet.token
printf '%s\\n' '${token}' >/opt/holdfast/fleet.token
for port in ${fleet.ports.join(' ')}; do
  systemd-run --unit="holdfast-agent-$port" --uid=holdfast-fleet --property=LimitNOFILE=1048576 \\
    --property=Restart=on-failure --property=NoNewPrivileges=yes \\
    /opt/holdfast/node_modules/.bin/holdfast fleet agent --listen "0.0.0.0:$port" \\
    --token-file /opt/holdfast/fleet.token
done
`;
  if (Buffer.byteLength(script) <= BYTES_MAX) return script;
  throw new FleetError('The first-boot script is longer than EC2 takes: give a shorter token.');
}

/** As systemd reads it: `2026-12-01 13:00:00 UTC`. */
function momentText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function range(ports: readonly number[]): string {
  return `${Math.min(...ports)}-${Math.max(...ports)}`;
}
