/** The load client against servers that close, lose, or keep what they should close. */
import { afterEach, expect, test } from 'bun:test';
import { ScriptedServer, socketIoScript, text } from '../../test/support/scripted-server.ts';
import { upgradeAnswer, upgradeKeyOf } from '../../test/support/wire-frame.ts';
import { RESERVED_FILES } from '../measure/limits.ts';
import { Crowd } from './crowd.ts';

const SESSIONS = 50;
const OPEN_FILES = RESERVED_FILES + 2 * SESSIONS;
const HOST = '0.0.0.0';
const crowds: Crowd[] = [];

afterEach(() => {
  for (const crowd of crowds.splice(0)) crowd.stop();
});

function crowdAt(port: number, ...rest: [protocol: 'socket-io' | 'pinging', timeoutMs?: number]) {
  const [protocol, timeoutMs] = rest;
  const crowd = new Crowd({ url: `ws://127.0.0.1:${port}/`, protocol }, OPEN_FILES, timeoutMs);
  crowds.push(crowd);
  return crowd;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(2);
}

test('its clock stands still while sessions are idle, and they hear broadcasts', async () => {
  using server = new ScriptedServer({ ...socketIoScript(), host: HOST });
  const crowd = crowdAt(server.port, 'socket-io');
  await crowd.fill(SESSIONS);
  await until(() => !crowd.isTicking);
  server.broadcast(text('42["tick"]'));
  await crowd.delivered(SESSIONS);
  await crowd.leave();
  await until(() => !crowd.isTicking);
  await crowd.fill(SESSIONS);
  expect(crowd.counters(0)).toMatchObject({ established: SESSIONS, lost: 0, cut: 0, failures: 0 });
});

test('whoever is lost is not replaced', async () => {
  using server = new ScriptedServer({ host: HOST });
  const crowd = crowdAt(server.port, 'pinging');
  await crowd.fill(SESSIONS);
  for (const socket of [...server.sockets].slice(0, 3)) socket.terminate();
  await until(() => crowd.counters(0).lost === 3);
  // The clock of those who ping goes on, so a replacement would come with one of its next ticks.
  expect(crowd.isTicking).toBe(true);
  await Bun.sleep(50);
  expect(crowd.counters(0)).toMatchObject({ established: SESSIONS - 3, lost: 3 });
  expect(server.visitors).toBe(SESSIONS);
});

test('those who ping begin before the last one has come', async () => {
  using server = new ScriptedServer({ host: HOST });
  const crowd = crowdAt(server.port, 'pinging');
  // Two pings a second of all fifty, who take a second and a half to come.
  await crowd.fill(SESSIONS, 33);
  expect(server.texts.length).toBeGreaterThan(0);
});

test('connections that the server does not close are cut off and counted', async () => {
  const server = Bun.listen({
    hostname: HOST,
    port: 0,
    socket: {
      data: (socket, bytes) => {
        const request = bytes.toString('latin1');
        if (request.startsWith('GET ')) socket.write(upgradeAnswer(upgradeKeyOf(request)));
      },
    },
  });
  const crowd = crowdAt(server.port, 'pinging', 100);
  await crowd.fill(SESSIONS);
  await crowd.leave();
  expect(crowd.counters(0)).toMatchObject({ established: 0, lost: 0, cut: SESSIONS });
  server.stop(true);
});
