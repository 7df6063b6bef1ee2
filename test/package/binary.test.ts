/**
 * `npm run build:binary`: the one executable, by itself in an empty folder, as on a machine where
 * nothing else is installed. It is started in a folder that is somebody else's.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import packageJson from '../../package.json' with { type: 'json' };
import { ROOT, ServerProcess } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { eventually } from '../system/eventually.ts';
import { type Ended, succeed } from './packed.ts';

setDefaultTimeout(60_000);

/** Bun has 109 million; the rest is ours, what we use, and bytecode of both. */
const BYTES_MAX = 140_000_000;
const COMMAND_TIMEOUT_MS = 30_000;

const APP = `import { defineApp } from 'holdfast';
import { team } from '#teams';
export default defineApp({
  authenticate: () => ({ user: 'ada', rooms: ['match'] }),
  mayJoin: () => true,
  on: { cheer: (session) => team + ' ' + session.server.workerId },
  request: () => Response.json([process.env.PLANTED ?? null, process.pid]),
});
`;

const folder = mkdtempSync(join(tmpdir(), 'holdfast-binary-'));
const program = join(folder, 'alone', 'holdfast');
const home = join(folder, 'home');
/** The working folder. */
const foreign = join(folder, 'foreign');
/** A path that has to be quoted where it is part of a text. */
const appFolder = join(folder, 'an "app" of mine');
/** Written by whatever of the working folder is run. */
const trace = join(folder, 'ran');

beforeAll(async () => {
  for (const made of ['alone', 'home', 'foreign']) mkdirSync(join(folder, made));
  const built = join(folder, 'built');
  await succeed(ROOT, ['npm', 'run', 'build:binary', '--', built]);
  renameSync(built, program);
  plantTraps();
  mkdirSync(appFolder);
  writeFileSync(join(appFolder, 'app.ts'), APP);
  writeFileSync(join(appFolder, 'teams.ts'), 'export const team: string = "home";\n');
  const compilerOptions = { paths: { '#teams': ['./teams.ts'] } };
  writeFileSync(join(appFolder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
});
afterAll(() => rmSync(folder, { recursive: true }));

function plantTraps(): void {
  const trap = `require('node:fs').appendFileSync(${JSON.stringify(trace)}, process.argv.join());`;
  writeFileSync(join(foreign, 'trap.js'), trap);
  writeFileSync(join(foreign, 'bunfig.toml'), 'preload = ["./trap.js"]\n');
  writeFileSync(join(foreign, '.env'), 'PLANTED=1\nHOLDFAST_WORKERS=nonsense\nHOLDFAST_PORT=1\n');
  const paths = { holdfast: ['./trap.js'], '*': ['./trap.js'] };
  const compilerOptions = { baseUrl: '.', paths };
  writeFileSync(join(foreign, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  for (const name of ['holdfast', 'socket.io-client', '@resvg/resvg-js', 'jose', 'pino']) {
    const place = join(foreign, 'node_modules', name);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'index.js'), trap);
  }
}

const ENVIRONMENT = { PATH: '', HOME: home };

async function holdfast(...args: readonly string[]): Promise<Ended> {
  const child = Bun.spawn([program, ...args], {
    cwd: foreign,
    env: ENVIRONMENT,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: COMMAND_TIMEOUT_MS,
  });
  const { stdout, stderr, exited } = child;
  const [code, out, err] = await Promise.all([exited, stdout.text(), stderr.text()]);
  return { code, out, err };
}

class Node implements AsyncDisposable {
  readonly #process: ServerProcess;
  readonly #admin: readonly string[];

  private constructor(process: ServerProcess) {
    this.#process = process;
    const ports = /"adminPort":(\d+)/.exec(process.logText);
    this.#admin = ['--admin-port', ports?.[1] ?? ''];
  }

  static async start(...args: readonly string[]): Promise<Node> {
    const flags = ['--json', '--port', '0', '--admin-port', '0', '--workers', '4'];
    const options = { cwd: foreign, env: ENVIRONMENT };
    return new Node(await ServerProcess.launch([program, 'start', ...flags, ...args], options));
  }

  get url(): string {
    return this.#process.url;
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#admin[1]}`;
  }

  async command(...args: readonly string[]): Promise<Ended> {
    return await holdfast(...args, ...this.#admin);
  }

  async workers(): Promise<readonly { readonly pid: number; readonly state: string }[]> {
    const { code, out, err } = await this.command('status', '--json');
    if (code !== 0) throw new Error(err);
    return JSON.parse(out).workers;
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

describe('the executable', () => {
  test('is one file, of a known size', () => {
    expect(readdirSync(join(folder, 'alone'))).toEqual(['holdfast']);
    expect(statSync(program).size).toBeLessThan(BYTES_MAX);
  });

  test('tells its version, how it is used, and what is wrong, by its exit code too', async () => {
    expect(await holdfast('--version')).toEqual({
      code: 0,
      out: `${packageJson.version}\n`,
      err: '',
    });
    expect((await holdfast('start', '--help')).out).toContain('Usage: holdfast start');
    const { code, err } = await holdfast('start', '--workers', 'nonsense');
    expect([code, err]).toEqual([1, expect.stringContaining('workers')]);
    expect(existsSync(trace)).toBeFalse();
  });

  test('says what is wrong in a config file, and where', async () => {
    const file = join(home, 'faulty.yaml');
    writeFileSync(file, 'port: 1\nhost: [\n');
    const { code, err } = await holdfast('start', '--config', file);
    expect([code, err]).toEqual([1, expect.stringContaining(`${file}:`)]);
  });

  test('looks at the host, plans and generates', async () => {
    const doctor = await holdfast('doctor', '--connections', '10', '--json');
    expect(JSON.parse(doctor.out).checks.length).toBeGreaterThan(5);
    const plan = await holdfast('plan', '--connections', '1000000', '--json');
    expect([plan.code, JSON.parse(plan.out)]).toEqual([0, expect.any(Object)]);
    const haproxy = await holdfast('generate', 'haproxy', '--worker-ports', '--workers', '4');
    expect([haproxy.code, haproxy.out]).toEqual([0, expect.stringContaining('backend ')]);
    expect(existsSync(trace)).toBeFalse();
  });
});

describe('a node of it', () => {
  test('runs an app file with its own tsconfig, and replaces a worker that is killed', async () => {
    await using node = await Node.start('--app', join(appFolder, 'app.ts'));
    const socket = io(node.url, { forceNew: true, transports: ['polling', 'websocket'] });
    const plain = new WebSocket(`${node.url.replace('http', 'ws')}/ws?room=match`);
    try {
      const joined = once(plain, 'message');
      const cheered = await within('an ack', socket.emitWithAck('cheer'), 15_000);
      expect(cheered).toMatch(/^home \S/);
      expect(JSON.parse(await joined)).toMatchObject({ type: 'connect', user: 'ada' });
      const score = new Promise((resolve) => socket.once('score', resolve));
      const heard = once(plain, 'message');
      const sent = await node.command('send', '--room', 'match', '--event', 'score', '1:0');
      expect(sent).toMatchObject({ code: 0, err: '' });
      expect(await within('the event', score, 15_000)).toBe('1:0');
      expect(await heard).toContain('1:0');
    } finally {
      socket.disconnect();
      plain.close();
    }
    const [planted] = (await (await fetch(`${node.url}/app`)).json()) as [string | null];
    expect(planted).toBeNull();
    await replacesAWorker(node);
    await node.stop();
    expect(existsSync(trace)).toBeFalse();
  });

  test('has the demo, and the clients that pages load', async () => {
    await using node = await Node.start();
    const get = (path: string, headers = {}): Promise<Response> =>
      fetch(`${node.url}${path}`, { headers });
    const page = await get('/');
    expect(page.headers.get('content-type')).toStartWith('text/html');
    for (const [, path] of (await page.text()).matchAll(/(?:src|href)="(\/[^"#]+)"/g)) {
      expect([path, (await get(path ?? '')).status]).toEqual([path, 200]);
    }
    const etag = page.headers.get('etag') ?? '';
    expect((await get('/', { 'if-none-match': etag })).status).toBe(304);
    expect(await (await get('/holdfast.js')).text()).toMatch(/export\{.*\bconnect\b/);
    const build = await get('/socket.io/socket.io.min.js');
    expect(await build.text()).toContain('Socket.IO');
    expect((await get('/socket.io/socket.io.min.js.map')).status).toBe(200);
    const socket = io(node.url, { auth: { voter: 'a'.repeat(32) }, forceNew: true });
    const answer = await within('a vote', socket.emitWithAck('vote', 'nonsense'), 15_000);
    socket.disconnect();
    expect(answer).toEqual({ counted: false, reason: 'unknown choice' });
    await node.stop();
  });

  test('is loaded by a fleet of it, and the run reported on', async () => {
    const run = join(folder, 'run');
    await using node = await Node.start();
    const load = ['--connections', '40', '--rate', '40', '--hold', '2', '--processes', '2'];
    const where = ['--target', node.url, '--admin', node.adminUrl, '--control-port', '0'];
    const fleet = await holdfast('fleet', 'run', ...where, ...load, '--out', run, '--json');
    const verdict = { verdict: 'passed', connectionsHeldMax: 40, lost: 0, failed: 0 };
    expect(JSON.parse(fleet.out || fleet.err)).toMatchObject(verdict);
    await node.stop();
    const { code, out } = await holdfast('report', run);
    expect([code, out]).toEqual([0, expect.stringContaining('PNG is left out: the executable')]);
    const page = await Bun.file(join(run, 'report.html')).text();
    expect(page).toContain('<svg ');
    expect(page).toContain('addEventListener');
    expect(readdirSync(join(run, 'pictures'))).toContain('connections-memory.svg');
    expect(existsSync(trace)).toBeFalse();
  });
});

async function replacesAWorker(node: Node): Promise<void> {
  const [first] = await node.workers();
  process.kill(first?.pid ?? 0, 'SIGKILL');
  await eventually(
    'another worker in its place',
    () => node.workers(),
    (workers) =>
      workers.filter(({ pid, state }) => pid !== first?.pid && state === 'running').length === 4,
  );
}

function once(socket: WebSocket, event: 'message'): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.addEventListener(event, ({ data }) => resolve(String(data)), { once: true });
  return within('a message', promise, 15_000);
}
