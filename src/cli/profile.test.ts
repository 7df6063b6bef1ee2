/** `holdfast profile` as users run it, against a real worker under a small load. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHere } from '../../test/support/command-here.ts';
import { FakeNode } from '../../test/support/fake-node.ts';
import { HoldfastProcess, runHoldfast } from '../../test/support/holdfast-process.ts';
import { eventually } from '../../test/system/eventually.ts';
import { leaveToken } from '../host/access/left-token.ts';
import { startAdmin } from '../server/controller/admin.ts';
import type { CpuProfile } from '../server/controller/node-view.ts';
import type { ProfileSummary } from './cpu-profile.ts';

const CLIENTS = 200;
const MAIN = Bun.fileURLToPath(new URL('main.ts', import.meta.url));

let node: HoldfastProcess;
let folder: string;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-profile-'));
  node = await HoldfastProcess.start({ workers: 1 });
  for (let client = 0; client < CLIENTS; client++) sockets.push(joinMain(node.publicPort));
  const connections = async (): Promise<number> => (await node.load()).connections;
  await eventually('all sessions are there', connections, (count) => count === CLIENTS);
});

afterAll(async () => {
  for (const socket of sockets) socket.close();
  await node.stop();
  rmSync(folder, { recursive: true });
});

/** A session of the main namespace. */
function joinMain(port: number): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
  socket.onopen = () => socket.send('40');
  return socket;
}

/** Broadcasts until the work is done. */
async function underLoad<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await Promise.all(Array.from({ length: 5 }, () => node.publish({ event: 'tick', args: [1] })));
    await Bun.sleep(5);
  }
  return await done;
}

function takeProfile(): Promise<Response> {
  return node.post('/profile', JSON.stringify({ worker: 0, seconds: 1 }));
}

describe('a profile', () => {
  test('is a file for DevTools and a summary', async () => {
    const file = join(folder, 'one.cpuprofile');
    const args = ['--worker', '0', '--seconds', '2', '--out', file];
    const { code, out, err } = await underLoad(node.command('profile', ...args));
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Worker 0 \(pid \d+\), \d\.\d\d s: its main thread was on a CPU for /);
    expect(out).toContain('native functions called by JavaScript');
    // Which of ours a sample falls into is for chance to say.
    expect(out).toMatch(/│ src\/server\/[\w/-]+\.ts +│/);
    expect(out).toMatch(/A full collection at the end took \d+ ms; it left [\d,]+ objects in /);
    expect(out).toContain(`Wrote ${file}: open it in DevTools`);

    const profile = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
    const ids = new Set(profile.nodes.map(({ id }) => id));
    expect(profile.samples.length).toBeGreaterThan(20);
    expect(profile.timeDeltas).toHaveLength(profile.samples.length);
    expect(profile.samples.every((id) => ids.has(id))).toBeTrue();
    const micros = profile.endTime - profile.startTime;
    expect(micros).toBeWithin(1_900_000, 9_000_000);
    expect(Math.min(...profile.timeDeltas)).toBeGreaterThanOrEqual(0);
    const sum = profile.timeDeltas.reduce((total, delta) => total + delta, 0);
    expect(sum).toBeLessThanOrEqual(micros);
    const names = profile.nodes.map(({ callFrame }) => callFrame.functionName);
    expect(names).toContain('(idle)');
    const urls = profile.nodes.map(({ callFrame }) => callFrame.url);
    expect(urls.some((url) => /^file:.*\/src\/server\/[\w/-]+\.ts$/.test(url))).toBeTrue();
  }, 60_000);

  test('is refused while another is taken, and can be taken again after it', async () => {
    const first = takeProfile();
    const args = ['--worker', '0', '--seconds', '1', '--out', join(folder, 'two.cpuprofile')];
    const statuses = [first, takeProfile(), takeProfile()].map(
      async (answer) => (await answer).status,
    );
    expect((await Promise.all(statuses)).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
    const { code, out } = await underLoad(node.command('profile', '--json', ...args));
    expect(code).toBe(0);
    const summary = JSON.parse(out) as ProfileSummary & { file: string };
    expect(summary).toMatchObject({ file: join(folder, 'two.cpuprofile'), worker: 0 });
    expect(summary.functions.length).toBeWithin(1, 16);
    const { objects = 0, kinds = [] } = summary.survivors ?? {};
    // Each session is two objects.
    expect(objects).toBeGreaterThan(2 * CLIENTS);
    expect(kinds[0]?.objects).toBeGreaterThanOrEqual(kinds[1]?.objects ?? 0);
    expect(summary.kinds.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 1);
  }, 60_000);

  test.skipIf(!existsSync('/proc/self/schedstat'))(
    'leaves a worker that rests as it was',
    async () => {
      const [pid] = await node.workerPids();
      // Whatever ran before, a profile has been taken now.
      expect((await takeProfile()).status).toBe(200);
      /** Milliseconds on a CPU of the thread that takes samples, which has no name of its own. */
      const samplerMs = (): number =>
        readdirSync(`/proc/${pid}/task`)
          .filter((task) => readFileSync(`/proc/${pid}/task/${task}/comm`, 'latin1') === 'thread\n')
          .map((task) => readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1'))
          .reduce((sum, text) => sum + Number(text.split(' ')[0]) / 1e6, 0);
      expect(samplerMs()).toBeGreaterThan(0);
      const before = samplerMs();
      await Bun.sleep(1_000);
      expect(samplerMs() - before).toBeLessThan(10);
    },
  );
});

describe('what cannot be done', () => {
  test.each([
    [['--worker', '0', '--seconds', '0'], '--seconds is "0"; it must be a whole number from 1 to'],
    [['--worker', '0', '--seconds', 'x'], '--seconds is "x"; it must be a whole number from 1 to'],
    [['--worker', 'all'], '--worker is "all"; it must be a whole number from 0 to 255.'],
    [['--worker', '7'], 'There is no worker 7; they are numbered 0 to 0.'],
    [['--seconds', '1'], "required option '--worker <index>' not specified"],
  ])('%p is answered with one sentence', async (args, sentence) => {
    const out = join(folder, 'never.cpuprofile');
    const port = ['--admin-port', String(node.adminPort)];
    const refused = await runHere(['profile', ...args, '--out', out, ...port]);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toContain(sentence);
    expect(refused.err.trim().split('\n')).toHaveLength(1);
    expect(existsSync(out)).toBeFalse();
  });

  test('a file that exists is left alone', async () => {
    const file = join(folder, 'precious');
    writeFileSync(file, 'precious');
    const { code, err } = await node.command('profile', '--worker', '0', '--out', file);
    expect(code).toBe(1);
    expect(err).toBe(`holdfast: ${file} exists already: name another with --out.\n`);
    expect(readFileSync(file, 'utf8')).toBe('precious');
  });

  test('a worker that ends meanwhile leaves no empty file', async () => {
    const fake = new FakeNode();
    fake.fault = 'broken';
    const say = (): void => {};
    const log = { debug: say, info: say, warn: say, error: say };
    const admin = startAdmin(fake, {
      host: '127.0.0.1',
      port: 0,
      maxBodyBytes: 1_000,
      maxJsonKeys: 1_000,
      leaveToken: (listening) => leaveToken({ of: 'admin', port: listening }),
      tls: undefined,
      log,
    });
    const file = join(folder, 'ended.cpuprofile');
    const port = String(admin.port);
    const args = ['profile', '--worker', '0', '--out', file, '--admin-port', port];
    const { code, err } = await runHoldfast(args);
    await admin.stop();
    expect([code, err]).toEqual([1, 'holdfast: The node refused: Worker 0 ended.\n']);
    expect(existsSync(file)).toBeFalse();
  });

  test('an interrupted command leaves no file in the way of the next one', async () => {
    const admin = Promise.withResolvers<void>();
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch() {
        admin.resolve();
        return Promise.withResolvers<Response>().promise;
      },
    });
    const file = join(folder, 'interrupted.cpuprofile');
    const port = String(server.port);
    const args = ['profile', '--worker', '0', '--out', file, '--admin-port', port];
    const command = Bun.spawn([process.execPath, MAIN, ...args], { stderr: 'ignore' });
    await admin.promise;
    command.kill('SIGINT');
    await command.exited;
    await server.stop(true);
    expect(existsSync(file)).toBeFalse();
  });

  test('a profile that cannot be summed up is kept', async () => {
    const fake = new FakeNode();
    const profile = { nodes: [{ id: 1 }], startTime: 0, endTime: 9, samples: [1], timeDeltas: [1] };
    const usage = { wallMs: 1, mainThreadCpuMs: 1 };
    fake.profileAnswer = { worker: 0, pid: 1, root: 'file:///', profile, usage };
    const say = (): void => {};
    const log = { debug: say, info: say, warn: say, error: say };
    const admin = startAdmin(fake, {
      host: '127.0.0.1',
      port: 0,
      maxBodyBytes: 1_000,
      maxJsonKeys: 1_000,
      leaveToken: (listening) => leaveToken({ of: 'admin', port: listening }),
      tls: undefined,
      log,
    });
    const file = join(folder, 'odd.cpuprofile');
    const port = String(admin.port);
    const args = ['profile', '--worker', '0', '--out', file, '--admin-port', port];
    const { code, err } = await runHoldfast(args);
    await admin.stop();
    expect(code).toBe(1);
    expect(err).toStartWith(`holdfast: The profile is in ${file}, but the node says too little`);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ samples: expect.any(Array) });
  });

  test('help shows an example', async () => {
    const { code, out } = await runHere(['profile', '--help']);
    expect(code).toBe(0);
    expect(out).toContain('\nExample:\n  holdfast profile --worker 0');
  });
});
