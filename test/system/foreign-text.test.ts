/**
 * What commands print from elsewhere is shown and not obeyed: names and texts of nodes, agents,
 * runs, recordings, files and of the command line itself.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetStatus } from '../../src/fleet/coordinator/status.ts';
import { runHoldfast } from '../support/holdfast-process.ts';
import { fleetRecords, linesOf, MILLION, serverRecords } from '../support/made-run.ts';

setDefaultTimeout(60_000);

/** Clears the screen, writes into the clipboard, colours, turns the direction, forges a line. */
const EVIL =
  'x\u001b[2J\u001b]52;c;ZXZpbA==\u0007\u009b31m\u202egnp.exe\u2066\u200b\u007f\ud800' +
  '\r\nholdfast: forged';
const SHOWN = 'x\\x1b[2J\\x1b]52;c;ZXZpbA==\\x07\\x9b31m\\u202egnp.exe\\u2066\\u200b\\x7f';
const OBEYED = /[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u;

const folder = mkdtempSync(join(tmpdir(), 'holdfast-foreign-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a command, and holds all that it prints to the rule. */
async function holdfast(...args: readonly string[]) {
  const ended = await runHoldfast(args, { env: { HOLDFAST_ADMIN_TOKEN: 'a-token-of-a-test' } });
  const printed = ended.out + ended.err;
  expect(OBEYED.exec(printed)?.[0]).toBeUndefined();
  expect(printed.split('\n').filter((line) => line.startsWith('holdfast: forged'))).toEqual([]);
  return { ...ended, printed };
}

const WORKER = {
  ...{ node: EVIL, index: 0, pid: 1, state: EVIL, restarts: 0, port: null, uptimeMs: 1 },
  ...{ rssBytes: 1, heapBytes: 1, loopLagMaxMs: 1, collections: 0, collectionPauseMaxMs: 0 },
  ...{ cpuMs: 0, sampleAgeMs: 1 },
};
const TRANSPORTS = { polling: 0, websocket: 0, sse: 0, stream: 0 };
const FRAME = { functionName: EVIL, scriptId: '1', url: `file:///${EVIL}`, lineNumber: 1 };

const ANSWERS: Readonly<Record<string, object>> = {
  '/process': {
    nodes: [
      {
        ...{ id: EVIL, pid: 1, ready: true, publicPort: 1, workers: 1, uptimeMs: 1, rssBytes: 1 },
        ...{ host: EVIL, broker: 'connected', connections: 1, capacity: 1 },
      },
    ],
    workers: [WORKER],
    bus: {
      framesRelayed: 0,
      bytesRelayed: 0,
      framesDropped: 0,
      queueBytes: [],
      interestEntries: 0,
    },
    missingNodes: [],
  },
  '/load': {
    ...{ connections: 0, capacity: 0, transports: TRANSPORTS },
    workers: [
      {
        ...{ index: 0, pid: 1, port: null, connections: 0, capacity: 0, transports: TRANSPORTS },
        sampleAgeMs: 0,
      },
    ],
    missing: [],
  },
  '/send': { accepted: true, id: EVIL },
  '/profile': {
    ...{ worker: 0, pid: 1, root: 'file:///app/' },
    profile: {
      nodes: [
        { id: 1, callFrame: { ...FRAME, functionName: '(root)', columnNumber: 0 }, children: [2] },
        { id: 2, callFrame: { ...FRAME, columnNumber: 0 } },
      ],
      ...{ startTime: 0, endTime: 9_000, samples: [2, 2], timeDeltas: [1_000, 1_000] },
    },
    usage: {
      ...{ wallMs: 9, mainThreadCpuMs: 9, otherThreadsCpuMs: 0, collections: 0, collectionMs: 0 },
    },
    survivors: { objects: 1, bytes: 1, collectionMs: 1, kinds: [{ name: EVIL, objects: 1 }] },
  },
};

const STATUS: FleetStatus = {
  ...{ run: EVIL, phase: 'climb', elapsedSeconds: 1, secondsLeft: 1, targets: [EVIL], wanted: 1 },
  ...{ rate: 1, measuredRate: 1, open: 1, connecting: 1, established: 1, left: 1 },
  failures: { [EVIL]: 1 },
  losses: { [EVIL]: 1 },
  ...{ deliveriesPerSecond: 1, echoesPerSecond: 1, broadcasts: [] },
  latencies: { connect: undefined, delivery: undefined, echo: undefined },
  agents: [
    {
      ...{ name: EVIL, pid: 1, lost: EVIL, open: 1, connecting: 1, capacity: 1, cpuShare: 1 },
      ...{ rssBytes: 1, loopLagMs: 1 },
    },
  ],
};

let honest: Bun.Server<undefined>;
let refusing: Bun.Server<undefined>;
beforeAll(() => {
  const serve = (
    fetch: (request: Request, server: Bun.Server<undefined>) => Response | undefined,
  ) => Bun.serve({ port: 0, hostname: '127.0.0.1', fetch, websocket: { message() {} } });
  honest = serve((request, server) => {
    if (server.upgrade(request)) return undefined;
    const { pathname } = new URL(request.url);
    return Response.json(ANSWERS[pathname] ?? STATUS);
  });
  refusing = serve((request, server) => {
    if (server.upgrade(request)) return undefined;
    return Response.json({ error: EVIL }, { status: 500 });
  });
});
afterAll(async () => {
  await Promise.all([honest.stop(true), refusing.stop(true)]);
});

const at = (server: Bun.Server<undefined>): string => `http://127.0.0.1:${server.port}`;
const evilText = (count = 1) =>
  expect.stringMatching(new RegExp(`(.*${RegExp.escape(SHOWN)}.*\\n?){${count}}`, 's'));

describe('answers of a node', () => {
  test('status, as a table and as JSON that is exact', async () => {
    const { code, out } = await holdfast('status', '--admin', at(honest));
    expect([code, out]).toEqual([0, evilText(2)]);
    const json = await holdfast('status', '--json', '--admin', at(honest));
    expect(JSON.parse(json.out)).toEqual({ ...ANSWERS['/process'], load: ANSWERS['/load'] });
  });

  test('send, taken and refused', async () => {
    expect((await holdfast('send', 'x', '--admin', at(honest))).out).toEqual(evilText());
    const json = await holdfast('send', 'x', '--json', '--admin', at(honest));
    expect(JSON.parse(json.out)).toEqual(ANSWERS['/send']);
    expect((await holdfast('send', 'x', '--admin', at(refusing))).err).toEqual(evilText());
  });

  test('profile: functions, files and kinds of objects', async () => {
    const out = join(folder, 'evil.cpuprofile');
    const args = ['profile', '--worker', '0', '--seconds', '1', '--admin', at(honest)];
    const text = await holdfast(...args, '--out', out);
    expect([text.code, text.out]).toEqual([0, evilText(2)]);
    const json = await holdfast(...args, '--json', '--out', `${out}-json`);
    expect(JSON.parse(json.out).survivors.kinds[0].name).toBe(EVIL);
    // DevTools read it, and `cat` shows it.
    expect(readFileSync(out, 'utf8')).toMatch(/^[ -~]*$/);
  });
});

describe('answers of a run', () => {
  test.each([[['status']], [['set', 'rate', '5']]])('%p', async (command) => {
    const args = ['fleet', ...command, '--control', at(honest)];
    expect((await holdfast(...args)).out).toEqual(evilText(2));
    const json = await holdfast(...args, '--json');
    expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(STATUS)));
    const refused = await holdfast('fleet', ...command, '--control', at(refusing));
    expect(refused.err).toEqual(evilText());
  });
});

test('a run: what a server says to broadcasts', async () => {
  const { err } = await holdfast(
    ...['fleet', 'run', '--target', at(refusing), '--protocol', 'websocket', '--control-port', '0'],
    ...['--connections', '2', '--hold', '0', '--broadcasts', '1', '--broadcast-url', at(refusing)],
  );
  expect(err).toContain('broadcast 1 was not taken: ');
});

test('the command line and files that it names', async () => {
  const place = join(folder, EVIL.replaceAll('/', '').replace('\ud800', ''));
  mkdirSync(place);
  const config = join(place, 'c.json');
  writeFileSync(config, JSON.stringify({ [EVIL]: 1, port: EVIL }));
  for (const args of [
    [EVIL],
    ['status', '--admin', EVIL],
    ['send', '--args', EVIL],
    ['report', place],
    ['doctor', '--config', config],
    ['start', '--port', '0', '--admin-port', '0', '--app', join(place, 'app.ts')],
    ['fleet', 'run', '--target', EVIL],
    ['fleet', 'agent', '--token-file', place],
  ]) {
    const { code, err } = await holdfast(...args.map((text) => text.replaceAll('\u0000', '')));
    expect([code, err]).toEqual([1, expect.stringContaining('\\x1b[2J')]);
  }
});

test('recordings, on the terminal, on the page and in pictures', async () => {
  const place = join(folder, `${EVIL.replaceAll('/', '').replace('\ud800', '')}<script><b>`);
  mkdirSync(place);
  const hostname = { server: EVIL, fleet: EVIL };
  const run = { ...MILLION, sessions: 1_000, climbSeconds: 10, hostname };
  const evil = (records: readonly object[]): string =>
    linesOf(
      records.map((record) =>
        'text' in record || 'findings' in record || 'settings' in record
          ? {
              ...record,
              ...('text' in record ? { text: `${EVIL}<script>` } : {}),
              ...('settings' in record ? { settings: { [EVIL]: EVIL }, agents: [EVIL] } : {}),
              ...('findings' in record
                ? { findings: [{ name: EVIL, text: EVIL, advice: `${EVIL}<img>` }] }
                : {}),
            }
          : record,
      ),
    );
  writeFileSync(join(place, 'server.jsonl'), `${evil(serverRecords(run))}{"record":"${EVIL}`);
  writeFileSync(join(place, 'fleet.jsonl'), evil(fleetRecords(run)));
  const second = join(folder, 'second');
  mkdirSync(second);
  writeFileSync(join(second, 'server.jsonl'), linesOf(serverRecords(run)));
  const out = join(folder, 'report');
  const { code, err } = await holdfast('report', place, second, '--out', out);
  expect([code, err]).toEqual([0, '']);
  await holdfast('report', place, second, '--out', out, '--json');
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  expect(OBEYED.exec(page)?.[0]).toBeUndefined();
  expect(page.match(/<script/g)).toHaveLength(2);
  expect(page).not.toContain('<img');
  const pictures = readdirSync(join(out, 'pictures')).filter((name) => name.endsWith('.svg'));
  expect(pictures.length).toBeGreaterThan(5);
  for (const name of pictures) {
    const svg = readFileSync(join(out, 'pictures', name), 'utf8');
    expect(OBEYED.exec(svg)?.[0]).toBeUndefined();
    expect(svg).not.toMatch(/<script|<b>/);
  }
});
