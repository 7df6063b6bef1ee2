/** Whom the door hangs up on, over real connections. */

import { expect, test } from 'bun:test';
import { SourceKeys } from '../../clients/source/source-keys.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { Door } from './door.ts';

const ignore = (): void => {};
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const CLIENTS = 4;
const [VOUCHED, DISOWNED, CARRYING, STRANGER] = [1, 2, 3, 4];

test.if(process.platform === 'linux')('strangers go, and who was disowned is one', async () => {
  const files: number[] = [];
  const gone = new Set<number>();
  const listener = Bun.listen<number>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        socket.data = files.push((socket as unknown as { fd: number }).fd);
      },
      data: ignore,
      close: ({ data }) => void gone.add(data),
    },
  });
  let open = 0;
  const door = new Door({
    places: 1,
    ports: [listener.port],
    keys: new SourceKeys(),
    refusals: new Refusals(log),
    log,
    countFiles: () => open,
    countSockets: () => 0,
    connectionAt: (file) => files.indexOf(file) + 1,
    sessionConnections: () => [CARRYING],
    vouchForWaiting: ignore,
    isProxy: () => false,
  });
  door.open();
  const { port } = listener;
  const clients = [];
  for (let number = 1; number <= CLIENTS; number++) {
    clients.push(await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: ignore } }));
    clients.at(-1)?.write('G');
    while (files.length < number) await Bun.sleep(1);
  }
  open = 100;
  for (const one of [VOUCHED, DISOWNED]) door.vouch(one, 60);
  door.disown(DISOWNED);
  while (gone.size < 2) {
    door.look();
    await Bun.sleep(10);
  }
  door.look();
  expect(gone).toEqual(new Set([DISOWNED, STRANGER]));
  door.close();
  for (const client of clients) client.end();
  listener.stop(true);
});
