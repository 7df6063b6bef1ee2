/**
 * What a million users cost the controller: a hub in a process of its own, and 50 workers that tell
 * it of them in frames, as workers do. It prints what it measured.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HubReport } from '../../../../test/support/hub-host.ts';
import { eventually } from '../../../../test/system/eventually.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { userKey } from '../../protocol/interest-key.ts';
import { connectFramed, FramedConnection } from '../ipc/framed-connection.ts';
import { BusFrame, Channel } from './bus-frame.ts';

const WORKERS = 50;
const USERS = 1_000_000;
const USERS_PER_FRAME = 100;
const QUEUED_BYTES_MAX = 100_000;
const HOST = new URL('../../../../test/support/hub-host.ts', import.meta.url).pathname;

/** A hub that can be asked how it stands. */
class HubProcess {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #answers: AsyncIterator<string>;

  constructor(path: string) {
    this.#child = Bun.spawn([process.execPath, HOST, path], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    this.#answers = linesOf(this.#child.stdout);
  }

  async report(): Promise<HubReport> {
    void this.#child.stdin.write('\n');
    void this.#child.stdin.flush();
    const { value } = await this.#answers.next();
    return JSON.parse(value as string) as HubReport;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream.pipeThrough(new TextDecoderStream() as never)) {
    const lines = (rest + String(text)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

let folder: string;
let hub: HubProcess;
let links: FramedConnection[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-interest-'));
  const path = join(folder, 'bus.sock');
  hub = new HubProcess(path);
  await hub.report();
  links = await Promise.all(Array.from({ length: WORKERS }, (_, worker) => connect(path, worker)));
});

afterAll(async () => {
  for (const link of links) link.close();
  await hub.stop();
  rmSync(folder, { recursive: true });
});

async function connect(path: string, worker: number): Promise<FramedConnection> {
  const events = { onFrame: () => {}, onFault: () => {}, onClose: () => {} };
  const link = new FramedConnection(events, LIMITS.ipcFrameBytes);
  await connectFramed(path, link);
  link.frame(BusFrame.hello).u32(worker).u32(0).u8(Channel.control).finish();
  link.frame(BusFrame.joined).finish();
  link.send();
  return link;
}

/** Users arrive at all workers in turn, as fast as the hub takes them. */
async function announceAll(): Promise<void> {
  for (let first = 0; first < USERS; first += USERS_PER_FRAME) {
    const link = links[(first / USERS_PER_FRAME) % WORKERS] as FramedConnection;
    const keys = Array.from({ length: USERS_PER_FRAME }, (_, index) =>
      userKey('/', `user-${first + index}`),
    );
    link.frame(BusFrame.interest).texts(keys).texts([]).finish();
    link.flush();
    while (link.queuedBytes > QUEUED_BYTES_MAX) await Bun.sleep(1);
  }
}

const reports = (entries: number): Promise<HubReport> =>
  eventually(
    `${entries} entries`,
    () => hub.report(),
    (report) => report.entries === entries,
    30_000,
  );

test('a million users take at most 60 bytes each of the controller', async () => {
  const empty = await hub.report();
  await announceAll();
  const full = await reports(USERS);
  const perUser = (report: HubReport): number =>
    Math.round((report.rssCollectedBytes - empty.rssCollectedBytes) / USERS);
  process.stderr.write(
    `a user: ${(full.tableBytes / USERS).toFixed(1)} bytes in the table, ${perUser(full)} of ` +
      `resident memory, ${(((full.cpuMs - empty.cpuMs) / USERS) * 1000).toFixed(2)} µs of CPU\n`,
  );
  expect(full.tableBytes / USERS).toBeLessThanOrEqual(40);
  expect(perUser(full)).toBeLessThanOrEqual(60);

  for (const link of links.splice(0, WORKERS / 2)) link.close();
  await reports(USERS / 2);
  for (const link of links.splice(0)) link.close();
  const gone = await reports(0);
  expect(gone.tableBytes).toBeLessThan(10_000);
  expect(perUser(gone)).toBeLessThanOrEqual(perUser(full));
}, 120_000);
