/** The commands as users run them, against the admin API of a hand-made node. */
import { afterEach, describe, expect, test } from 'bun:test';
import { runHere } from '../../test/support/command-here.ts';
import { FakeNode } from '../../test/support/fake-node.ts';
import { leaveToken } from '../host/access/left-token.ts';
import { type Admin, startAdmin } from '../server/controller/admin.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;
const TOKEN = 'a-token-of-sixteen-and-more';

let admin: Admin | undefined;
afterEach(async () => {
  await admin?.stop();
  admin = undefined;
});

function startNode(token?: string): { node: FakeNode; port: string } {
  const node = new FakeNode();
  const quiet = (): void => {};
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const limits = {
    maxBodyBytes: 1_000,
    maxJsonKeys: 1_000,
    tls: undefined,
    leaveToken: (port: number) => leaveToken({ of: 'admin', port }),
  };
  admin = startAdmin(node, { host: '127.0.0.1', port: 0, token, log, ...limits });
  return { node, port: String(admin.port) };
}

async function holdfast(args: readonly string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    env: { ...process.env, ...env },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { code, out, err };
}

describe('send', () => {
  test('sends a text as the event "message" to everyone', async () => {
    const { node, port } = startNode();
    const result = await holdfast(['send', 'hello', '--admin-port', port]);
    expect(result).toEqual({ code: 0, out: 'Accepted as m1.\n', err: '' });
    expect(node.published).toEqual([{ event: 'message', args: ['hello'], namespace: '/' }]);
  });

  test('takes everything a message can have, and answers in JSON', async () => {
    const { node, port } = startNode();
    const { code, out } = await holdfast([
      ...['send', '--json', '--admin', `http://localhost:${port}/`],
      ...['--event', 'score', '--args', '[1,{"a":2}]', '--room', 'a', '--room', 'b'],
      ...['--user', 'u1', '--except', 'c', '--namespace', '/chat'],
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ accepted: true, id: 'm1' });
    expect(node.published).toEqual([
      {
        event: 'score',
        args: [1, { a: 2 }],
        room: ['a', 'b'],
        user: 'u1',
        except: ['c'],
        namespace: '/chat',
      },
    ]);
  });

  test('presents the token of the environment', async () => {
    const { port } = startNode(TOKEN);
    const env = { HOLDFAST_ADMIN_PORT: port, HOLDFAST_ADMIN_TOKEN: TOKEN };
    expect((await holdfast(['send', 'hello'], env)).code).toBe(0);
    const refused = await holdfast(['send', 'hello'], { HOLDFAST_ADMIN_PORT: port });
    expect(refused).toMatchObject({
      code: 1,
      err:
        'holdfast: The node wants its admin token: run this as the user who started the node, or ' +
        'give it with --token-file or HOLDFAST_ADMIN_TOKEN.\n',
    });
    const short = await holdfast(['send', 'hello'], { ...env, HOLDFAST_ADMIN_TOKEN: 'hunter2' });
    expect(short).toMatchObject({ code: 1, out: '' });
    expect(short.err).toStartWith('holdfast: HOLDFAST_ADMIN_TOKEN holds no token (what it holds');
  });

  test('passes on why the node refused', async () => {
    const { port, node } = startNode();
    const args = ['send', 'x', '--admin-port', port];
    const refused = await holdfast([...args, '--event', 'connect']);
    expect(refused.err).toStartWith('holdfast: The node refused: "event" must be');
    node.fault = 'full';
    expect((await holdfast(args)).err).toContain('takes no more messages');
  });

  test.each([
    [['send'], 'Give either a text or --args'],
    [['send', 'a', '--args', '[]'], 'Give either a text or --args'],
    [['send', '--args', '{}'], 'it must be a JSON list'],
    [['send', 'a', '--room', 'b', '--room', 'c\ufffd'], '--room is c\ufffd, which is no UTF-8'],
    [['send', 'a', '--admin', 'localhost'], 'it must be a URL'],
    [['send', 'a', '--admin-port', 'x'], 'it must be a port number'],
    [['send', 'a', '--admin-port', '1'], 'start one with "holdfast start"'],
  ])('%p fails with one sentence', async (args, sentence) => {
    const { code, out, err } = await runHere(args);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(sentence);
    expect(err.trim().split('\n')).toHaveLength(1);
  });
});

describe('status', () => {
  test('shows a table of workers with totals', async () => {
    const { port } = startNode();
    const { code, out } = await holdfast(['status', '--admin-port', port]);
    expect(code).toBe(0);
    expect(out).toMatch(/^Node n1 is ready: port 8500, controller \d+, up 1 min \d+ s, on 127/);
    expect(out).toContain(', broker degraded, 46 of 19744 connections\n');
    expect(out).toMatch(
      /│ +0 │ +4242 │ running +│ +46 │ +19744 │ +40 │ +3 │ +2 │ +1 │ +50.0 MB │ +2 ms │ +1 │/,
    );
    expect(out).toMatch(/│ +1 │ +- │ backing-off │ +0 │/);
    expect(out).toMatch(/│ +total │ +│ 1 running +│ +46 │/);
  });

  test('--json prints what the admin API says', async () => {
    const { port } = startNode();
    const { out } = await holdfast(['status', '--json', '--admin-port', port]);
    expect(JSON.parse(out)).toMatchObject({
      nodes: [{ id: 'n1' }],
      workers: [{ pid: 4242 }, { state: 'backing-off' }],
      load: { connections: 46 },
    });
  });

  test('says so when something else answers', async () => {
    const server = Bun.serve({ port: 0, fetch: () => new Response('<html>') });
    const { code, err } = await holdfast(['status', '--admin-port', String(server.port)]);
    await server.stop(true);
    expect(code).toBe(1);
    expect(err).toContain('is not the admin API of a Holdfast node');
  });
});

describe('every command', () => {
  test.each([[[]], [['start']], [['send']], [['status']]])(
    '%p has help with an example',
    async (command) => {
      const { code, out } = await runHere([...command, '--help']);
      expect(code).toBe(0);
      expect(out).toMatch(/\nExamples?:\n {2}holdfast /);
    },
  );

  test.each([
    [['strat'], "holdfast: unknown command 'strat' (Did you mean start?); see holdfast --help.\n"],
    [
      ['start', '--prot', '1'],
      "holdfast: unknown option '--prot' (Did you mean --port?); see holdfast start --help.\n",
    ],
    [
      ['start', '--port', 'x', '--workers', '0'],
      'holdfast: --port is "x"; it must be a whole number from 0 to 65535.\n' +
        'holdfast: --workers is 0; it must be "auto" or a whole number from 1 to 256.\n',
    ],
    [
      ['status', '--admin-port', '99999'],
      'holdfast: --admin-port is "99999"; it must be a port number such as 8600.\n',
    ],
    [
      ['fleet', 'status', '--control-port', '70000'],
      'holdfast: --control-port is "70000"; it must be a port such as 8700.\n',
    ],
    [
      ['status', '--admin-ca', '/dev/zero', '--admin', 'https://127.0.0.1:1'],
      'holdfast: --admin-ca /dev/zero cannot be read (it is no regular file): name a readable ' +
        'file.\n',
    ],
    [
      ['fleet', 'agent', '--listen', '203.0.113.1:0', '--token', 'a-token-of-a-test'],
      'holdfast: The agent cannot listen at 203.0.113.1:0 (',
    ],
    [
      ['start', '--config', '/missing.yaml'],
      'holdfast: /missing.yaml cannot be read (ENOENT): name a readable file.\n',
    ],
  ])('%p fails with a sentence for each problem', async (args, err) => {
    const said = await runHere(args);
    expect(said).toMatchObject({ code: 1, out: '' });
    expect(said.err).toStartWith(err);
    expect(said.err.match(/^holdfast: /gm)).toHaveLength(err.match(/^holdfast: /gm)?.length ?? 0);
    expect(said.err).not.toContain('unexpected');
  });
});
