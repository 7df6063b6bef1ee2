import { afterEach, expect, test } from 'bun:test';
import { deferAccept } from './defer-accept.ts';

const isLinux = process.platform === 'linux';
const open: { stop(force: boolean): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.stop(true);
});

test.if(isLinux)('a connection comes with the first that its client says, or late', async () => {
  const events: string[] = [];
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open: () => {
        events.push('open');
      },
      data: (_socket, chunk) => {
        events.push(chunk.toString());
      },
    },
  });
  open.push(listener);
  expect(await deferAccept((listener as unknown as { fd: number }).fd)).toBe(true);
  const connect = () =>
    Bun.connect({ hostname: '127.0.0.1', port: listener.port, socket: { data: () => {} } });
  const startedAtMs = performance.now();
  const silent = await connect();
  while (events.length < 1) await Bun.sleep(10);
  expect(performance.now() - startedAtMs).toBeGreaterThan(500);
  const client = await connect();
  client.write('asks');
  while (events.length < 3) await Bun.sleep(1);
  expect(events).toEqual(['open', 'open', 'asks']);
  for (const one of [client, silent]) one.end();
});

test('what is no socket is left as it is', async () => {
  expect(await deferAccept(-1)).toBe(false);
});
