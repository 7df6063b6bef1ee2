/** What must hold before a node starts: its app file, certificate, ports and folder of sockets. */

import { existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { readTlsPair, tlsPaths } from '../../host/access/tls-files.ts';
import type { Config } from '../../host/config/schema.ts';
import type { Log } from '../core/log/log.ts';
import { clearLeftFolders, makeSocketFolder } from '../links/ipc/socket-folder.ts';
import { checkWorkerPort } from './public-port.ts';
import { StartError } from './start-error.ts';

const DEMO_APP = Bun.fileURLToPath(new URL('../../pages/demo/app.ts', import.meta.url));

/** @throws StartError when there is no such file */
export function appPath(config: Config): string {
  // Where a backend takes the events, the demo would take some of them instead.
  if (config.app === undefined) return config.hookUrl === undefined ? DEMO_APP : '';
  const path = resolve(config.app);
  if (!existsSync(path)) {
    throw new StartError(`The app file ${path} does not exist: give another with --app.`);
  }
  if (!statSync(path).isFile()) {
    throw new StartError(`The app file ${path} is no regular file: give another with --app.`);
  }
  // To Bun, what follows is no part of the path, however it is written.
  if (!path.includes('?')) return path;
  throw new StartError(`The app file ${path} has a "?" in its path, which keeps it from loading.`);
}

/** @throws StartError when it cannot be made */
export function makeRunDir(config: Config, log: Log): string {
  const parent = config.runDir ?? tmpdir();
  try {
    for (const folder of clearLeftFolders(parent)) {
      log.info('the folder of a node that was killed is removed', { folder });
    }
    return makeSocketFolder(parent);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const advice = 'choose another with --run-dir or TMPDIR';
    const fault = `The directory for sockets cannot be made (${reason}): ${advice}.`;
    throw new StartError(fault, { cause: error });
  }
}

/** @throws StartError when the public port's certificate is of no use: workers would all fail */
export function checkCertificate({ tlsCert, tlsKey }: Config): void {
  const paths = tlsPaths(tlsCert, tlsKey);
  if (paths === undefined) return;
  try {
    readTlsPair(paths);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** @throws StartError when the workers' own ports do not fit; their number is known only now */
export function checkOwnPorts(
  config: Config,
  host: string,
  count: number,
  publicPort: number,
): void {
  if (!config.workerPorts) return;
  const first = config.workerPortBase;
  const last = first + count - 1;
  const isTaken = [publicPort, config.adminPort].some((port) => port >= first && port <= last);
  if (last <= 65_535 && !isTaken) {
    for (let worker = 0; worker < count; worker++) checkWorkerPort(host, first + worker, worker);
    return;
  }
  throw new StartError(
    `The ports of ${count} workers, ${first} to ${last}, must end at 65535 or below and leave ` +
      'out the public and the admin port: choose another --worker-port-base.',
  );
}
