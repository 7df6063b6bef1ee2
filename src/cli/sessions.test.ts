/** `rooms`, `users` and `disconnect`, against the admin API of a hand-made node. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { runHere } from '../../test/support/command-here.ts';
import { FakeNode } from '../../test/support/fake-node.ts';
import { type Admin, startAdmin } from '../server/controller/admin.ts';

const TOKEN = 'a-token-of-sixteen-and-more';
const quiet = (): void => {};

let node: FakeNode;
let admin: Admin;

beforeEach(() => {
  node = new FakeNode();
  admin = startAdmin(node, {
    ...{ host: '127.0.0.1', port: 0, token: TOKEN, tls: undefined },
    ...{ maxBodyBytes: 10_000, maxJsonKeys: 1_000, leaveToken: () => undefined },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
});

afterEach(() => admin.stop());

const holdfast = (...args: string[]) =>
  runHere([...args, '--admin-port', String(admin.port), '--token', TOKEN]);

test('rooms are a table, with what to ask for more', async () => {
  node.sessions.next = "it's";
  const { code, out } = await holdfast(
    'rooms',
    '--most',
    '1',
    '--after',
    'a&b',
    '--namespace',
    '/c',
  );
  expect(code).toBe(0);
  expect(out).toContain('match:42');
  expect(out).toContain(String.raw`More: --after 'it'\''s'`);
  expect(node.sessions.asked).toEqual([['/c', 'a&b', 1]]);
});

test('a room shows who is in it', async () => {
  const { code, out } = await holdfast('rooms', '../a b/%');
  expect(code).toBe(0);
  expect(out).toContain(
    'Room ../a b/%: 3 sessions, 5 messages kept, 1 users, 1 sessions without a user',
  );
  expect(out).toContain('2023-11-14 22:13:20');
  expect(node.sessions.asked).toEqual([['/', '../a b/%', 100]]);
});

test('a user shows sessions', async () => {
  const { code, out } = await holdfast('users', 'ada');
  expect(code).toBe(0);
  expect(out).toContain('User ada: 2 sessions');
  expect(out).toContain('1 of them:');
  expect(out).toContain('match:42, and 2 more');
});

test('disconnects one of user, room and session', async () => {
  const { code, out } = await holdfast('disconnect', '--user', 'ada', '--close');
  expect([code, out]).toEqual([0, '2 sessions ended.\n']);
  expect(node.sessions.asked).toEqual([{ namespace: '/', user: 'ada', close: true }]);
  for (const wrong of [[], ['--user', 'a', '--room', 'b']]) {
    const refused = await holdfast('disconnect', ...wrong);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('Give one of --user, --room and --session.');
  }
  expect((await holdfast('disconnect', '--user', '')).code).toBe(1);
});

test('what is not whole is shown, and an error', async () => {
  node.sessions.missing = [2];
  const commands = [['rooms'], ['rooms', 'r'], ['users', 'ada'], ['disconnect', '--user', 'ada']];
  for (const command of commands) {
    const { code, out, err } = await holdfast(...command);
    expect(code).toBe(1);
    expect(out).not.toBe('');
    expect(err).toContain('Worker 2 did not answer');
  }
});

test('hostile names do nothing to a terminal, and are exact in JSON', async () => {
  const name = '\x1b[2J\u202eevil\n\x07';
  node.sessions.roomName = name;
  node.sessions.next = name;
  for (const command of [['rooms'], ['rooms', name], ['users', name]]) {
    const { out, code } = await holdfast(...command);
    expect(code).toBe(0);
    const controls = out.split('').filter((one) => one !== '\n' && (one < ' ' || one === '\u202e'));
    expect(controls).toEqual([]);
  }
  const { out } = await holdfast('rooms', '--json');
  expect((JSON.parse(out) as { next: string }).next).toBe(name);
});

test('each says how it is used', async () => {
  for (const name of ['rooms', 'users', 'disconnect']) {
    const { code, out } = await runHere([name, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/Examples?:\n {2}holdfast/);
  }
});
