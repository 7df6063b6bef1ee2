/** What all containers share: what must hold of a config, and what they are told of it. */

import { basename } from 'node:path';
import { isLoopback } from '../access/loopback.ts';
import type { Config } from '../config/schema.ts';
import { GenerateError } from './deployment.ts';
import { pathsOf, type Settings, settingsOf } from './settings.ts';

export const ADMIN_TOKEN = 'HOLDFAST_ADMIN_TOKEN';
const APP = 'HOLDFAST_APP';

/** A name of an image as registries have it, with a tag or a digest. */
const IMAGE = /^[a-z\d]([\w./:@-]*[\w])?$/;

/** @throws GenerateError for a config whose node could not be reached in a container */
export function checkReachable({ host, port, adminPort }: Config): void {
  if (port === 0 || adminPort === 0) {
    throw new GenerateError(
      '`port` or `adminPort` is 0, which is another port at each start: set --port and ' +
        '--admin-port.',
    );
  }
  if (isLoopback(host)) {
    throw new GenerateError(
      `host is ${host}, where nobody outside of the container comes in: set --host ::.`,
    );
  }
}

/** @throws GenerateError */
export function imageName(image: string): string {
  if (IMAGE.test(image)) return image;
  throw new GenerateError(`--image is ${JSON.stringify(image)}; it must be the name of an image.`);
}

/** Where the app is in an image, whose package finds it there and the other way round. */
export const APP_FOLDER = '/srv/app';

/** The config as variables of an image that the generated Dockerfile describes. */
export function imageSettings(config: Config, without: readonly (keyof Config)[] = []): Settings {
  const { variables, secrets } = settingsOf(config, without);
  return {
    variables: variables.map(([name, value]) =>
      name === APP ? [name, `${APP_FOLDER}/${basename(value)}`] : [name, value],
    ),
    secrets,
  };
}

/** Files of the config that no image has by itself, for a comment. */
export function missingFiles(config: Config): readonly string[] {
  const paths = pathsOf({ ...config, app: undefined });
  return paths.length === 0 ? [] : [`The container must be given ${paths.join(', ')}.`];
}

/**
 * The config, with the admin port open to the network of the container and therefore with a token:
 * on loopback of the container nobody comes in.
 *
 * @param without keys that the file says in another way
 */
export function containerSettings(
  config: Config,
  without: readonly (keyof Config)[] = [],
): Settings {
  const { variables, secrets } = imageSettings(config, ['adminHost', 'adminToken', ...without]);
  return {
    variables: [['HOLDFAST_ADMIN_HOST', '::'], ...variables],
    secrets: [ADMIN_TOKEN, ...secrets],
  };
}
