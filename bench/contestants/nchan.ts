/**
 * nchan: the push module of nginx, in C, as Debian packages it. It is started from a temporary
 * directory with a configuration written here; no service and no file of the system is touched.
 *
 * nginx allocates a record for each of its `worker_connections` when it starts, about 8 MB for the
 * default of this benchmark; they stand in its empty worker, not in its bytes per session.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Children } from '../measure/children.ts';
import { HEARTBEAT_SECONDS, PAYLOAD_BYTES } from '../measure/limits.ts';
import { openFileLimit } from '../measure/machine.ts';
import type { Contestant, RunningContestant } from './contract.ts';
import { publish } from './launch.ts';
import { answers, childPids, freePort } from './processes.ts';

/** Where Debian's libnginx-mod-nchan puts the module. */
const MODULE_PATH = '/usr/lib/nginx/modules/ngx_nchan_module.so';
/** Debian keeps nginx where only root's PATH looks. */
const SEARCH_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;

const PACKAGES = 'nginx libnginx-mod-nchan';

/** Messages kept for a subscriber that is behind: more than one burst of the benchmark. */
const BUFFERED_MESSAGES = 20;

/** Connections that nginx sets memory aside for, where the open-file limit does not say less. */
const CONNECTIONS_MAX = 32_768;

const RECORDS_PER_FILE = 1.2;

type Subscriber = 'websocket' | 'sse' | 'poll';

export function nchan(protocol: Subscriber): Contestant {
  return {
    name: protocol === 'websocket' ? 'nchan' : `nchan-${protocol}`,
    title: protocol === 'websocket' ? 'nchan (nginx)' : `nchan (nginx), ${protocol}`,
    protocol,
    expectedSeconds: 25,
    unavailable() {
      const missing = findNginx() === undefined || !existsSync(MODULE_PATH);
      return missing
        ? `nginx with its module nchan is not installed: run apt-get install ${PACKAGES}`
        : undefined;
    },
    version: () => `${nginxVersion()}, libnginx-mod-nchan ${moduleVersion()}`,
    start: (children) => start(protocol, children),
  };
}

interface Ports {
  /** Subscribers, on every address. */
  readonly subscribe: number;
  /** The publisher, on loopback alone. */
  readonly publish: number;
}

/** One worker, no log of requests, one channel for all. */
export function nginxConfiguration(ports: Ports, connections: number, modulePath: string): string {
  return `load_module ${modulePath};
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {
  worker_connections ${connections};
}
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  nchan_message_buffer_length ${BUFFERED_MESSAGES};
  server {
    listen 0.0.0.0:${ports.subscribe};
    location = /websocket {
      nchan_subscriber websocket;
      nchan_channel_id all;
      # Who comes back gets what is said from then on, as with the other contestants.
      nchan_subscriber_first_message newest;
      nchan_websocket_ping_interval ${HEARTBEAT_SECONDS};
    }
    location = /sse {
      nchan_subscriber eventsource;
      nchan_channel_id all;
      nchan_subscriber_first_message newest;
      nchan_eventsource_ping_interval ${HEARTBEAT_SECONDS};
    }
    location = /poll {
      nchan_subscriber longpoll;
      nchan_channel_id all;
      # The last message, so that the first poll is answered at once. Others are held for ever.
      nchan_subscriber_first_message -1;
    }
  }
  server {
    listen 127.0.0.1:${ports.publish};
    location = /publish {
      nchan_publisher http;
      nchan_channel_id all;
    }
    location = /ready {
      return 200;
    }
  }
}
`;
}

async function start(protocol: Subscriber, children: Children): Promise<RunningContestant> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-bench-nchan-'));
  const ports = { subscribe: freePort(), publish: freePort() };
  // Nchan takes records for its own use as well: with 20,000, clients were cut off at 18,747.
  const connections = Math.min(Math.ceil(openFileLimit() * RECORDS_PER_FILE), CONNECTIONS_MAX);
  const configuration = nginxConfiguration(ports, connections, MODULE_PATH);
  writeFileSync(join(directory, 'nginx.conf'), configuration);
  const nginx = findNginx() ?? 'nginx';
  // -e, or nginx opens the log that was compiled in before it reads the configuration.
  const master = children.add(
    Bun.spawn([nginx, '-p', directory, '-c', 'nginx.conf', '-e', 'error.log'], {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    }),
    { cleanUp: () => rmSync(directory, { recursive: true, force: true }) },
  );
  const lastError = (): string => errorLog(directory);
  const stop = (): Promise<void> => children.stop(master);
  let worker: number | undefined;
  try {
    await answers(`http://127.0.0.1:${ports.publish}/ready`, master, 'nginx', lastError);
    worker = childPids(master.pid)[0];
    if (worker === undefined) throw new Error('nginx answers, but has no worker process');
  } catch (error) {
    await stop();
    throw error;
  }
  let sequence = 0;
  const send = (): Promise<void> => {
    sequence += 1;
    const payload = String(sequence).padEnd(PAYLOAD_BYTES, '.');
    return publish(`http://127.0.0.1:${ports.publish}/publish`, payload);
  };
  if (protocol === 'poll') await send();
  return {
    pid: worker,
    otherPids: [master.pid],
    url: `ws://127.0.0.1:${ports.subscribe}/${protocol}`,
    broadcast: async (count) => {
      await Promise.all(Array.from({ length: count }, send));
    },
    stop,
  };
}

function findNginx(): string | undefined {
  return Bun.which('nginx', { PATH: SEARCH_PATH }) ?? undefined;
}

function nginxVersion(): string {
  const { stderr } = Bun.spawnSync([findNginx() ?? 'nginx', '-v'], { stdout: 'ignore' });
  return stderr.toString().trim().replace('nginx version: ', '');
}

function moduleVersion(): string {
  const query = ['dpkg-query', '--show', '--showformat=$' + '{Version}', 'libnginx-mod-nchan'];
  if (Bun.which('dpkg-query') === null) return 'of unknown version';
  return (
    Bun.spawnSync(query, { stderr: 'ignore' }).stdout.toString().trim() || 'of unknown version'
  );
}

function errorLog(directory: string): string {
  try {
    return readFileSync(join(directory, 'error.log'), 'utf8').trim() || 'it said nothing';
  } catch {
    return 'it wrote no log';
  }
}
