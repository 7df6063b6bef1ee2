/** A Dockerfile: the package from npm, the folder of the app, the config as variables, no root. */

import type { Config } from '../config/schema.ts';
import { APP_FOLDER, checkReachable, imageSettings, missingFiles } from './container.ts';
import { comment } from './deployment.ts';

/** The package lies above the folder of the app, so that `import 'holdfast'` finds it. */
const FOLDER = '/srv';

/**
 * @param version of the package
 * @throws GenerateError for a config whose node could not be reached
 */
export function dockerfileText(config: Config, version: string): string {
  checkReachable(config);
  const { variables } = imageSettings(config);
  const { app, port, adminPort } = config;
  const lines = [
    comment(
      'Holdfast in a container; written by "holdfast generate dockerfile".',
      ...(app === undefined ? [] : ['Build it in the folder of the app: docker build -t NAME .']),
      ...missingFiles(config),
      'Secrets of the config are not in it: give them to the container as variables.',
    ),
    'FROM node:24-slim',
    `WORKDIR ${FOLDER}`,
    `RUN npm install --omit=dev --no-audit --no-fund holdfast@${version} \\`,
    '  && npm cache clean --force',
    ...(app === undefined ? [] : [`COPY . ${APP_FOLDER}`]),
    ...variables.map(([name, value]) => `ENV ${name}=${quoted(value)}`),
    'USER node',
    `EXPOSE ${port} ${adminPort}`,
    ...healthCheck(config),
    `ENTRYPOINT ["${FOLDER}/node_modules/.bin/holdfast"]`,
    'CMD ["start"]',
    '',
  ];
  return lines.join('\n');
}

/** The admin port does without a certificate that Node.js would have to know; both answer. */
function healthCheck({ port, adminPort, tlsCert, adminTlsCert }: Config): readonly string[] {
  const plain = tlsCert === undefined ? port : adminTlsCert === undefined ? adminPort : undefined;
  if (plain === undefined) return ['# Both ports speak TLS: let whoever runs it check its health.'];
  const script = `fetch('http://127.0.0.1:${plain}/health').then(a=>process.exit(a.ok?0:1))`;
  return [
    'HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \\',
    `  CMD ["node", "-e", "${script}"]`,
  ];
}

/** Within quotes a backslash escapes, and `$` begins a variable. */
function quoted(value: string): string {
  return `"${value.replaceAll(/[\\"$]/g, '\\$&')}"`;
}
