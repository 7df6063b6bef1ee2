/** Messages from outside for a worker that takes none: accepted ones arrive, others are refused. */

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { byWorker, Clients, record } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const MESSAGE = 'x'.repeat(900_000);
/** More than the controller keeps for a worker. */
const MESSAGES_MAX = 60;

const clients = new Clients();

afterEach(() => clients.close());

test('202 is for what reaches all, and 503 names the worker that would miss it', async () => {
  const app = join(import.meta.dir, 'system-app.ts');
  await using node = await HoldfastProcess.start({ app, workers: 2 });
  const sockets = await clients.connectMany(node.url, 12, () => ({ transports: ['websocket'] }));
  const groups = await byWorker(sockets);
  const heard = record<number>(sockets, 'numbered');
  const { workers } = await node.process();
  const pid = workers[1]?.pid as number;
  expect(groups.get(1)?.length ?? 0).toBeGreaterThan(0);
  const sent: number[] = [];
  const send = async (number: number, text: string): Promise<Response> =>
    await node.post('/send', JSON.stringify({ event: 'numbered', args: [number, text] }));
  process.kill(pid, 'SIGSTOP');
  let refusal: Response | undefined;
  for (let number = 0; refusal === undefined && number < MESSAGES_MAX; number++) {
    const answer = await send(number, MESSAGE);
    if (answer.status === 202) sent.push(number);
    else refusal = answer;
  }
  expect([refusal?.status, refusal?.headers.get('retry-after')]).toEqual([503, '1']);
  const text = 'Worker 1 takes no more messages, so this one was sent to nobody';
  expect(await refusal?.json()).toEqual({ error: `${text}; send it again in a second.` });
  const command = await node.command('send', '--event', 'numbered', '--args', '[-1]');
  expect([command.code, command.out]).toEqual([1, '']);
  expect(command.err).toContain(text);
  process.kill(pid, 'SIGCONT');
  await eventually(
    'it is accepted again',
    async () => (await send(MESSAGES_MAX, '')).status,
    (status) => status === 202,
  );
  sent.push(MESSAGES_MAX);
  const isAll = (counts: readonly number[]): boolean => Math.min(...counts) >= sent.length;
  await eventually('all is heard', () => heard.map(({ length }) => length), isAll);
  for (const numbers of heard) expect(numbers).toEqual(sent);
  await node.stop();
});
