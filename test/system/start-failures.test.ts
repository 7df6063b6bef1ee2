/** Starts that cannot succeed: one clear sentence, exit code 1, and nothing left behind. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  HoldfastProcess,
  ROOT,
  type RunOptions,
  runHoldfast,
} from '../support/holdfast-process.ts';

const NOBODY = 65_534;
const PRIVILEGED_PORT = 81;

setDefaultTimeout(60_000);

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-system-'));
/** Where a node keeps its sockets; a start that fails must leave it empty. */
const temporary = join(scratch, 'tmp');
let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({ workers: 2 });
});

afterAll(async () => {
  await node.stop();
  rmSync(scratch, { recursive: true });
});

describe('a port that is taken', () => {
  test('by another node is refused, and the other goes on', async () => {
    const pids = await node.workerPids();
    await expectRefusal(
      ['--port', String(node.publicPort)],
      `The public port ${node.publicPort} of :: cannot be used: another Holdfast listens there ` +
        `(processes ${pids.join(', ')}); stop it or choose another --port.`,
    );
    expect(await node.workerPids()).toEqual(pids);
    expect((await fetch(`${node.url}/ready`)).status).toBe(200);
  });

  test('by another program is refused', async () => {
    const other = Bun.serve({ port: 0, fetch: () => new Response() });
    try {
      const sentence = new RegExp(
        `The public port ${other.port} of :: cannot be used: \\S+ listens there ` +
          `\\(process ${process.pid}\\); stop it`,
      );
      await expectRefusal(['--port', String(other.port)], sentence);
    } finally {
      await other.stop(true);
    }
  });

  test('for the admin API is refused', async () => {
    const port = String(node.adminPort);
    const who = `another Holdfast listens there (process ${node.controllerPid})`;
    const sentence = `The admin API cannot listen on port ${port} of 127.0.0.1: ${who}`;
    await expectRefusal(['--admin-port', port], sentence);
  });

  test('for a worker is refused', async () => {
    const other = Bun.serve({ port: 0, fetch: () => new Response() });
    try {
      await expectRefusal(
        // One worker, since the next port may be taken by anybody, and would be told of first.
        ['--workers', '1', '--worker-ports', '--worker-port-base', String(other.port)],
        new RegExp(
          `The port ${other.port} of worker 0 cannot be used: \\S+ listens there ` +
            `\\(process ${process.pid}\\); stop it or choose another --worker-port-base\\.`,
        ),
      );
    } finally {
      await other.stop(true);
    }
  });

  test.each(['name.invalid', '203.0.113.1'])('of an address that is not here: %s', async (host) => {
    await expectRefusal(
      ['--host', host],
      new RegExp(`port 0 of ${host} cannot be used: this machine has no address ${host};`),
    );
  });

  const unreachable = whyNoPrivilegedPort();
  test.skipIf(unreachable !== '')(
    `below 1024 is refused to a plain user${unreachable && ` (${unreachable})`}`,
    async () => {
      const uid = process.getuid?.() === 0 ? { uid: NOBODY } : {};
      await expectRefusal(
        ['--port', String(PRIVILEGED_PORT)],
        'ports below 1024 need root or CAP_NET_BIND_SERVICE',
        uid,
      );
    },
  );
});

describe('a config file', () => {
  test.each([
    ['that does not exist', 'missing.yaml', undefined, 'cannot be read'],
    ['that is a directory', 'folder.json', 'directory', 'cannot be read (it is no regular file)'],
    ['that is a pipe', 'pipe.json', 'pipe', 'cannot be read (it is no regular file)'],
    ['that is huge', 'huge.json', `{${' '.repeat(2 ** 20)}}`, 'has more than 1048576 bytes'],
    ['with a key twice', 'twice.json', '{"port":1,"host":"a","port":2}', 'gives port twice'],
    ['with a line twice', 'twice.yaml', 'port: 1\nhost: a\nport: 2', 'gives port twice'],
    ['with an odd number', 'odd.yaml', 'pingIntervalMs: .nan', 'odd.yaml is NaN; it must'],
    [
      'with a fault in a line',
      'line.toml',
      'host = "a"\nport = ',
      'line.toml:2:7 cannot be parsed',
    ],
    ['of an unknown kind', 'config.ini', 'port = 1', 'must end in .json'],
    ['that is no JSON', 'broken.json', '{"port": }', 'cannot be parsed'],
    ['that is no YAML', 'broken.yaml', 'port: [1', 'cannot be parsed'],
    ['that holds no keys', 'list.json', '[1]', 'must hold config keys'],
    ['with an unknown key', 'slip.yaml', 'prot: 1', 'is no config key; the nearest is port.'],
    ['with a wrong value', 'wrong.toml', 'pingIntervalMs = 1', 'it must be a whole'],
    ['that breaks a rule', 'open.yaml', 'adminHost: 0.0.0.0', 'adminToken must be set'],
  ])('%s is refused', async (_name, file, content, sentence) => {
    const path = join(scratch, file);
    if (content === 'directory') mkdirSync(path);
    else if (content === 'pipe') Bun.spawnSync(['mkfifo', path]);
    else if (content !== undefined) writeFileSync(path, content);
    await expectRefusal(['--config', path], sentence);
  });
});

describe('an app file', () => {
  test('that is a directory is refused', async () => {
    await expectRefusal(['--app', scratch], `The app file ${scratch} is no regular file`);
  });

  test('that the runtime would not find is refused', async () => {
    const path = join(scratch, 'what?.ts');
    writeFileSync(path, 'export default {};');
    await expectRefusal(['--app', path], `The app file ${path} has a "?" in its path`);
  });

  test('that does not exist is refused', async () => {
    const path = join(scratch, 'missing-app.ts');
    await expectRefusal(['--app', path], `The app file ${path} does not exist`);
  });

  test.each([
    [
      'that throws',
      "\nthrow new Error('no database');",
      /loaded: no database \(\/.+\.ts:2:\d+\)\./,
    ],
    ['that is no TypeScript', '\nexport default {', /cannot be loaded: .+ \(\/.+\.ts:2:\d+\)\.$/],
    ['that imports what is missing', "import './nothing.ts';", 'cannot be loaded: Cannot find'],
    ['without a default export', 'export const app = {};', 'must `export default defineApp('],
    ['whose handler is none', 'export default { on: { vote: 1 } };', "declares 'vote'"],
    ['with a wrong namespace', 'export default { namespaces: { chat: {} } };', 'must begin with /'],
    [
      'that fails in `started`',
      "export default { started() { throw new Error('no queue'); } };",
      "did not start: the app's started() failed: no queue.",
    ],
    [
      'whose `started` rejects with a promise of another kind',
      'export default { started: () => ({ then: (_, fail) => fail("no queue") }) };',
      'started() failed: "no queue".',
    ],
    ['with a hook misspelt', 'export default { autenticate() {} };', "nearest is 'authenticate'"],
    [
      'with a hook among the events',
      'export default { on: { authenticate() {} } };',
      "'authenticate' in 'on', which is no event's name",
    ],
    [
      'with a namespace beside its hooks',
      "export default { '/admin': { authenticate() {} } };",
      "put it into 'namespaces'",
    ],
    ['that is a class', 'export default new (class A { authenticate() {} })();', 'instance of A'],
    ['that ends its process', 'process.exit(3);', 'did not start: exited with code 3.'],
  ])('%s is refused', async (_name, source, sentence) => {
    const path = join(scratch, `app-${Bun.hash(source)}.ts`);
    writeFileSync(path, source);
    // With several workers each of them fails; one sentence is enough.
    await expectRefusal(['--app', path, '--workers', '2'], sentence);
  });
});

describe('the environment', () => {
  test('with a folder for temporary files that cannot be is refused', async () => {
    const env = { TMPDIR: '/dev/null' };
    await expectRefusal([], /sockets cannot be made \(EEXIST.*\): choose another with --run-/, {
      env,
    });
  });

  test.each([
    ['a wrong value', { HOLDFAST_WORKERS: 'many' }, 'HOLDFAST_WORKERS is "many"; it must be'],
    ['an unknown variable', { HOLDFAST_WORKER_COUNT: '2' }, 'is no variable of Holdfast'],
    ['a secret that is wrong', { HOLDFAST_ADMIN_TOKEN: 'short' }, 'a secret that is not shown'],
    ['a config that is missing', { HOLDFAST_CONFIG: 'missing.json' }, 'cannot be read'],
  ])('with %s is refused', async (_name, env, sentence) => {
    await expectRefusal([], sentence, { env, withLauncher: true });
  });
});

/** Flags given twice count as given last. */
async function expectRefusal(
  args: readonly string[],
  sentence: string | RegExp,
  { env = {}, ...options }: RunOptions = {},
): Promise<void> {
  const ports = ['--port', '0', '--admin-port', '0'];
  const workers = args.includes('--workers') || 'HOLDFAST_WORKERS' in env ? [] : ['--workers', '2'];
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  const ended = await runHoldfast(['start', '--json', ...ports, ...workers, ...args], {
    env: { TMPDIR: temporary, ...env },
    ...options,
  });
  const lines = ended.err.trimEnd().split('\n');
  // What the node logs meanwhile is JSON; what it tells its user is a sentence.
  const told = lines.filter((line) => !line.startsWith('{'));
  expect(told).toEqual([expect.stringMatching(/^holdfast: .*\.$/)]);
  if (typeof sentence === 'string') expect(told[0]).toContain(sentence);
  else expect(told[0]).toMatch(sentence);
  expect(ended).toMatchObject({ code: 1, out: '', leftovers: [] });
  expect(readdirSync(temporary)).toEqual([]);
}

/** Why the test of a privileged port cannot run here; empty when it can. */
function whyNoPrivilegedPort(): string {
  try {
    const first = readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8');
    if (Number(first) <= PRIVILEGED_PORT) return 'this system lets everyone use low ports';
  } catch {
    return 'this system does not say which ports are privileged';
  }
  if (process.getuid?.() !== 0) return '';
  if (Bun.which('setpriv') === null) return 'setpriv is not installed: apt-get install util-linux';
  const bin = join(ROOT, 'bin', 'holdfast.js');
  const probe = Bun.spawnSync(['setpriv', `--reuid=${NOBODY}`, 'test', '-r', bin]);
  return probe.success ? '' : 'the package lies where a plain user cannot read it';
}
