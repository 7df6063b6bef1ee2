import { afterEach, expect, test } from 'bun:test';
import { formatIp, parseIp } from '../../protocol/ip-address.ts';
import { OpenFiles } from './open-files.ts';
import { TcpConnections } from './tcp-connections.ts';

const FILES_MAX = 2_000;

interface Found {
  readonly file: number;
  readonly address: string;
  readonly port: number;
}

const isLinux = process.platform === 'linux';
const open: { stop(force: boolean): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.stop(true);
});

function listen(hostname: string): Bun.Server<undefined> {
  const server = Bun.serve({ hostname, port: 0, fetch: () => new Response('ok') });
  open.push(server);
  return server;
}

async function connect(hostname: string, port: number) {
  const closed = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname,
    port,
    socket: { data: () => {}, close: () => closed.resolve() },
  });
  // The kernel shows a connection that has sent nothing to nobody for the first second.
  socket.write('G');
  return { socket, closed: closed.promise };
}

/** The connections that were accepted at a port, once there are so many. */
async function accepted(tcp: TcpConnections, port: number, count: number): Promise<Found[]> {
  for (;;) {
    const found: Found[] = [];
    tcp.visit(FILES_MAX, (file, ip, peerPort) => {
      if (tcp.localPort(file) === port) found.push({ file, address: formatIp(ip), port: peerPort });
    });
    if (found.length >= count) return found;
    await Bun.sleep(1);
  }
}

test.if(isLinux).each(['127.0.0.1', '::1'])('sees who is at the other end (%s)', async (host) => {
  const tcp = (await TcpConnections.open()) as TcpConnections;
  const port = listen(host).port as number;
  const { socket } = await connect(host, port);
  const [found] = await accepted(tcp, port, 1);
  expect(found).toMatchObject({ address: host, port: socket.localPort });
  expect(parseIp(host)).toBeDefined();
  socket.end();
});

test.if(isLinux)('hangs up, which both ends notice', async () => {
  const tcp = (await TcpConnections.open()) as TcpConnections;
  const server = listen('127.0.0.1');
  const port = server.port as number;
  const [silent, other] = [await connect('127.0.0.1', port), await connect('127.0.0.1', port)];
  const found = await accepted(tcp, port, 2);
  const { file } = found.find((one) => one.port === silent.socket.localPort) as Found;
  expect(tcp.silentMs(file)).toBeLessThan(60_000);
  tcp.hangUp(file);
  await silent.closed;
  while ((await accepted(tcp, port, 1)).length > 1) await Bun.sleep(1);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect(await answer.text()).toBe('ok');
  other.socket.end();
});

test.if(isLinux)('files that are no connection are passed over', async () => {
  const tcp = (await TcpConnections.open()) as TcpConnections;
  expect([0, 1, 2, 999_999].map((file) => tcp.localPort(file))).toEqual([0, 0, 0, 0]);
  expect(tcp.hasUnread(999_999)).toBe(false);
});

test.if(isLinux)('counts open files', async () => {
  const files = new OpenFiles(100_000);
  const before = files.count() as number;
  const port = listen('127.0.0.1').port as number;
  const many = await Promise.all(Array.from({ length: 50 }, () => connect('127.0.0.1', port)));
  expect(files.count()).toBeGreaterThanOrEqual(before + 50);
  for (const { socket } of many) socket.end();
});
