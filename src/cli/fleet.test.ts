/** The commands of the fleet as users run them, up to where a run would begin. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runHere } from '../../test/support/command-here.ts';

setDefaultTimeout(60_000);

const fleet = (args: readonly string[]) => runHere(['fleet', ...args]);

describe('every command', () => {
  test.each([
    ...[[[]], [['run']], [['agent']], [['status']], [['set']], [['stop']]],
    ...[[['hosts']], [['hosts', 'start']], [['hosts', 'status']], [['hosts', 'stop']]],
  ])('%p has help with an example', async (command) => {
    const { code, out } = await fleet([...command, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/\nExamples?:\n {2}(HOLDFAST_FLEET_TOKEN=… )?holdfast fleet /);
  });

  test.each([
    [['rum'], "unknown command 'rum' (Did you mean run?); see holdfast fleet --help."],
    [
      ['run', '--target', 'x', '--rat', '1'],
      "unknown option '--rat' (Did you mean --rate?); see holdfast fleet run --help.",
    ],
    [['run'], "required option '--target <url>' not specified; see holdfast fleet run --help."],
    [['set', 'rate'], "missing required argument 'values'; see holdfast fleet set --help."],
    [['set', 'rate', 'fast'], '"fast" is no value for rate; give one number.'],
    [['set', 'connections', '1', '2'], '"1 2" is no value for connections; give one number.'],
    [['set', 'hold', '5'], '"hold" cannot be set; connections, rate and target can.'],
    [['status', '--control-port', 'x'], '--control-port is "x"; it must be a port such as 8700.'],
    [['status', '--control', 'localhost'], '--control is "localhost"; it must be a URL such as'],
    [['stop', '--control-port', '1'], 'No run answers at http://127.0.0.1:1: start one with'],
    [['agent'], 'Everyone who reaches this port could give orders: give a token (--token-file'],
    [['agent', '--token', 'x'], '--token holds no token (what it holds is not shown): it must be'],
    [['agent', '--token-file', '/missing'], '--token-file /missing cannot be read (ENOENT): name'],
    [['run', '--target', 'ws://a', '--token', 'x'], '--token holds no token'],
    [
      ['run', '--target', 'ws://a', '--admin-token', 'two words, of many'],
      '--admin-token holds no',
    ],
    [['run', '--target', 'ws://a', '--control-token', 'x'], '--control-token holds no token'],
    [['status', '--control-token', 'fifteen-letters'], '--control-token holds no token'],
    [['hosts', 'start'], 'Say which hosts: --ssh user@host, or a number and --provider ec2.'],
    [['hosts', 'start', '--ssh', '-oProxyCommand=x'], '--ssh has "-oProxyCommand=x"; write each'],
    [['hosts', 'start', '--ssh', 'a', '--command', 'a;id'], '--command is "a;id"; it must be a'],
    [['hosts', 'start', '2', '--ssh', 'a'], 'Give either --ssh with hosts that exist, or a'],
    [['hosts', 'start', '--ssh', 'a', '--agents', '65'], '--agents is "65"; it must be a whole'],
    [['hosts', 'start', '2', '--provider', 'gce'], '--provider is "gce"; it must be ec2.'],
    [['hosts', 'start', '--provider', 'ec2'], 'the number of hosts is ""; it must be a whole'],
    [['hosts', 'start', '2', '--provider', 'ec2'], '--regions has ""; write it like us-east-1,'],
    [['hosts', 'stop'], "missing required argument 'hosts'; see holdfast fleet hosts stop --help."],
    [['hosts', 'stop', 'nobody'], '"nobody" is no host that was started: "holdfast fleet hosts'],
    [['agent', '--listen', '127.0.0.1:x'], '--listen is "127.0.0.1:x"; write it like host:8710.'],
  ])('%p fails with one sentence', async (args, sentence) => {
    const { code, out, err } = await fleet(args);
    expect([code, out]).toEqual([1, '']);
    expect(err).toStartWith(`holdfast: ${sentence}`);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});

describe('a run that cannot begin', () => {
  let http: Bun.Server<unknown>;
  let mute: Server;
  let target: string;
  let mutePort: number;

  beforeAll(async () => {
    http = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: (request, server) =>
        server.upgrade(request, { data: undefined })
          ? undefined
          : new Response('hello', { status: request.url.includes('/closed') ? 401 : 404 }),
      websocket: { message() {} },
    });
    target = `ws://127.0.0.1:${http.port}`;
    mute = createServer((socket) => socket.end('SSH-2.0-made-up\r\n'));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    mutePort = (mute.address() as { port: number }).port;
  });
  afterAll(async () => {
    mute.close();
    await http.stop(true);
  });

  const run = (...args: readonly string[]) => fleet(['run', '--control-port', '0', ...args]);

  test.each<[string, () => readonly string[], RegExp]>([
    [
      'nothing listens',
      () => ['--target', 'ws://127.0.0.1:1/'],
      /^holdfast: Nothing listens at 127\.0\.0\.1:1 \(ECONNREFUSED\): start the server/,
    ],
    [
      'the host has no address',
      () => ['--target', 'ws://nowhere.invalid/'],
      /^holdfast: The host nowhere\.invalid of the target has no address \(\w+\)/,
    ],
    [
      'it does not speak HTTP',
      () => ['--target', `ws://127.0.0.1:${mutePort}`],
      /^holdfast: What answers at 127\.0\.0\.1:\d+ does not speak Socket\.IO over WebSocket: /,
    ],
    [
      'it speaks HTTP, but not this protocol',
      () => ['--target', target.replace('ws', 'http'), '--protocol', 'sse'],
      /^holdfast: The server at 127\.0\.0\.1:\d+ answers http:\S+ with HTTP 404, not with Server-/,
    ],
    [
      'the server wants credentials',
      () => ['--target', `${target.replace('ws', 'http')}/closed`, '--protocol', 'poll'],
      /^holdfast: The server at \S+ wants credentials \(HTTP 401\): give what it wants with --auth/,
    ],
    [
      'sessions are to send that only listen',
      () => ['--target', target, '--protocol', 'socket-io=1,poll=1', '--scenario', 'echo'],
      /^holdfast: Sessions of poll only listen: leave echoes out, or use --protocol socket-io or /,
    ],
    [
      'an agent does not answer',
      () => [
        '--target',
        target,
        '--protocol',
        'websocket',
        '--agent',
        '127.0.0.1:1',
        '--token',
        'a-token-of-a-test',
      ],
      /^holdfast: No agent answers at 127\.0\.0\.1:1 \(.+\): start one there/,
    ],
    [
      'an agent that left no token',
      () => ['--target', target, '--protocol', 'websocket', '--agent', '127.0.0.1:1'],
      /^holdfast: No agent at 127\.0\.0\.1:1 has left a token for this user: start one there/,
    ],
    [
      'the source is no address of this host',
      () => ['--target', target, '--protocol', 'websocket', '--source', '192.0.2.1'],
      /^holdfast: 192\.0\.2\.1 is no address of this host: correct --source\.\n$/,
    ],
    [
      'broadcasts have no way to the server',
      () => ['--target', target, '--protocol', 'websocket', '--broadcasts', '1'],
      /^holdfast: Broadcasts need a way to the server: give --admin/,
    ],
    [
      'the admin address is wrong',
      () => ['--target', target, '--protocol', 'websocket', '--admin', 'http://127.0.0.1:1'],
      /^holdfast: No Holdfast node answers at http:\/\/127\.0\.0\.1:1: correct --admin\.\n$/,
    ],
    ['rate 0', () => ['--target', target, '--rate', '0'], /^holdfast: --rate is "0"; /],
  ])('%s', async (_name, args, sentence) => {
    const { code, out, err } = await run(...args());
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(sentence);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  test('the wrong protocol: WebSocket is spoken, Socket.IO is not', async () => {
    const { code, err } = await run('--target', target);
    expect(code).toBe(1);
    expect(err).toMatch(/accepts no Socket\.IO over WebSocket session within 5 s: .+\n$/);
  });

  test('a folder that holds a run is left as it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-fleet-'));
    writeFileSync(join(folder, 'fleet.jsonl'), 'precious\n');
    const { code, err } = await run('--target', target, '--protocol', 'websocket', '--out', folder);
    expect([code, readFileSync(join(folder, 'fleet.jsonl'), 'utf8')]).toEqual([1, 'precious\n']);
    expect(err).toBe(
      `holdfast: ${folder} holds a run already (fleet.jsonl): name another --out folder.\n`,
    );
    rmSync(folder, { recursive: true });
  });
});
