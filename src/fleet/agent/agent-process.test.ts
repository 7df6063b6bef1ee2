/** The agent as a process: its limits, its end, its memory, and a real Holdfast. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { AgentProcess } from '../../../test/support/agent-process.ts';
import { HoldfastProcess } from '../../../test/support/holdfast-process.ts';
import { ScriptedServer } from '../../../test/support/scripted-server.ts';
import { CAN_MAKE_NAMESPACE, inNamespace } from '../../../test/support/swarm-in-namespace.ts';
import { ORDER, sumOf, WEBSOCKET } from '../../../test/support/swarm-run.ts';
import { closeFrame, upgradeAnswer, upgradeKeyOf } from '../../../test/support/wire-frame.ts';
import { broadcastMark } from './contract.ts';

describe('its end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends it, with its connections', async (signal) => {
    using server = new ScriptedServer();
    await using agent = await AgentProcess.start();
    await agent.order({ ...ORDER, ...WEBSOCKET, targets: [server.url], connections: 20 });
    await agent.until('20 sessions', ({ open }) => open === 20);
    agent.child.kill(signal);
    expect(await agent.exited).toBe(0);
    while (server.sockets.size > 0) await Bun.sleep(2);
  });

  test('one that was started for a run ends with the input from its parent', async () => {
    await using agent = await AgentProcess.start({ env: { HOLDFAST_AGENT_CHILD: '1' } });
    await agent.child.stdin.end();
    expect(await agent.exited).toBe(0);
  });

  test('one that waits for orders goes on without input', async () => {
    await using agent = await AgentProcess.start();
    await agent.child.stdin.end();
    await Bun.sleep(100);
    expect((await agent.sample()).open).toBe(0);
    expect(agent.child.exitCode).toBeNull();
  });

  test('without a token it does not start', async () => {
    const start = AgentProcess.start({ env: { HOLDFAST_AGENT_TOKEN: '' } });
    expect(await start.catch(() => 'not started')).toBe('not started');
  });

  test('it listens where it is told to', async () => {
    const listen = { HOLDFAST_AGENT_LISTEN: '[::1]:0' };
    await using agent = await AgentProcess.start({ env: listen });
    const answer = await fetch(`http://[::1]:${agent.port}/health`);
    expect(answer.status).toBe(200);
    const elsewhere = fetch(`http://127.0.0.1:${agent.port}/health`);
    expect(await elsewhere.catch(() => 'not there')).toBe('not there');
  });
});

describe('its files', () => {
  test('under a limit of 300 it holds what it says, and the API still answers', async () => {
    using server = new ScriptedServer();
    await using agent = await AgentProcess.start({ openFiles: 300 });
    const order = { ...ORDER, ...WEBSOCKET, targets: [server.url], connections: 400 };
    const { usage } = await agent.order({ ...order, connections: 0 });
    expect(usage.openFileLimit).toBe(300);
    expect(usage.capacity).toBeGreaterThan(200);
    expect(usage.capacity).toBeLessThan(300);
    await agent.order(order);
    await agent.until('it is full', ({ open }) => open === usage.capacity);
    await agent.order({ ...order, storms: 1, churnPerMinute: 6_000 });
    await Bun.sleep(500);
    await agent.order({ ...order, storms: 1 });
    const { counters } = await agent.until('it is full', ({ open }) => open === usage.capacity);
    expect(counters.failures).toEqual({});
    expect(counters.losses).toEqual({});
  });

  test('used up by others, they are missed by name: EMFILE', async () => {
    using server = new ScriptedServer();
    await using agent = await AgentProcess.start({ openFiles: 300 });
    // Each idle request takes a file; its own reserve of them is far smaller.
    const idle = await Promise.all(
      Array.from({ length: 200 }, () =>
        Bun.connect({
          hostname: '127.0.0.1',
          port: agent.port,
          socket: { open: (socket) => void socket.write('GET /he'), data() {}, error() {} },
        }),
      ),
    );
    const order = { ...ORDER, ...WEBSOCKET, targets: [server.url], rate: 2_000 };
    await agent.order({ ...order, connections: 236 });
    const { counters } = await agent.until('files run out', (sample) => {
      return (sample.counters.failures['EMFILE'] ?? 0) > 20;
    });
    expect(Object.keys(counters.failures)).toEqual(['EMFILE']);
    for (const socket of idle) socket.terminate();
    await agent.until('there are files again', ({ open }) => open === 236);
  });
});

describe.skipIf(!CAN_MAKE_NAMESPACE)('its ports', () => {
  const fewPorts = 'echo "20000 20049" > /proc/sys/net/ipv4/ip_local_port_range';
  const many = { connections: 200, rate: 400 };

  test.each([
    ['chosen by the kernel: EADDRNOTAVAIL', [], 'EADDRNOTAVAIL'],
    ['of a source that is named: EADDRINUSE', ['127.0.0.2'], 'EADDRINUSE'],
  ])('used up, %s', async (_what, sources, name) => {
    const result = await inNamespace({
      setup: fewPorts,
      order: { ...many, sources },
      forMs: 600,
    });
    expect(result.open).toBeGreaterThan(40);
    expect(result.open).toBeLessThanOrEqual(50);
    expect(Object.keys(result.counters.failures)).toEqual([name]);
    expect(result.counters.losses).toEqual({});
  });

  test('each source that is named brings a range of its own', async () => {
    const sources = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
    const order = { ...many, connections: 140, sources };
    const { open, counters } = await inNamespace({ setup: fewPorts, order, forMs: 800 });
    expect(open).toBe(140);
    expect(counters.failures).toEqual({});
  });
});

describe('its memory', () => {
  test('three times 2,000 connections up and down leave nothing behind', async () => {
    using server = new ScriptedServer();
    await using agent = await AgentProcess.start();
    const order = { ...ORDER, ...WEBSOCKET, targets: [server.url], rate: 4_000 };
    const rssBytes: number[] = [];
    for (let round = 1; round <= 3; round++) {
      await agent.order({ ...order, connections: 2_000 });
      await agent.until('all are open', ({ open }) => open === 2_000);
      await agent.order({ ...order, connections: 0 });
      await agent.until('none is open', ({ open }) => open === 0 && server.sockets.size === 0);
      // It collects garbage once it has nothing to do.
      await Bun.sleep(300);
      const { usage, counters } = await agent.sample();
      rssBytes.push(usage.rssBytes);
      expect(counters).toMatchObject({ established: 2_000 * round, left: 2_000 * round });
      expect(sumOf(counters.failures) + sumOf(counters.losses)).toBe(0);
    }
    // Two thousand connections take some four megabytes.
    expect(rssBytes[2]! - rssBytes[1]!).toBeLessThan(3_000_000);
  });
});

describe('a real Holdfast', () => {
  let node: HoldfastProcess;
  let agent: AgentProcess;

  beforeAll(async () => {
    [node, agent] = await Promise.all([
      HoldfastProcess.start({ workers: 2, config: { maxSessionsPerWorker: 60 } }),
      AgentProcess.start(),
    ]);
  });

  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await node.stop();
  });

  test('holds sessions, pings them, and its broadcast reaches each once', async () => {
    const order = { ...ORDER, targets: [node.url], connections: 60 };
    await agent.order(order);
    await agent.until('60 sessions', ({ open }) => open === 60);
    for (const sequence of [1, 2]) {
      const mark = broadcastMark(sequence, Date.now() * 1_000);
      await node.publish({ event: 'fleet', args: [mark] });
    }
    const { broadcasts, counters } = await agent.until('all have heard', ({ counters: seen }) => {
      return seen.deliveries >= 120;
    });
    expect(broadcasts).toEqual([
      { sequence: 1, received: 60 },
      { sequence: 2, received: 60 },
    ]);
    expect(counters).toMatchObject({ duplicates: 0, failures: {}, losses: {} });
  });

  test('refuses at its capacity with 503', async () => {
    const order = { ...ORDER, targets: [node.url], connections: 200, rate: 200 };
    await agent.order({ ...order, run: 'too many' });
    const { counters, open } = await agent.until('some are refused', (sample) => {
      return (sample.counters.failures['HTTP 503'] ?? 0) > 20;
    });
    expect(open).toBeLessThanOrEqual(120);
    expect(Object.keys(counters.failures)).toEqual(['HTTP 503']);
    await agent.order({ ...order, run: 'none', connections: 0 });
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-agent-'));
  const certificate = join(folder, 'certificate.pem');
  const upgrade = (request: Request, server: Bun.Server<undefined>): Response | undefined =>
    server.upgrade(request) ? undefined : new Response('no', { status: 404 });
  let server: Bun.Server<undefined>;

  beforeAll(() => {
    writeFileSync(certificate, CERTIFICATE);
    server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: { key: PRIVATE_KEY, cert: CERTIFICATE },
      fetch: upgrade,
      websocket: { message: (socket, message) => void socket.send(message) },
    });
  });

  afterAll(async () => {
    await server.stop(true);
    rmSync(folder, { recursive: true });
  });

  test.each(['wss', 'https'])('%s works with a certificate that is trusted', async (scheme) => {
    await using agent = await AgentProcess.start({ env: { NODE_EXTRA_CA_CERTS: certificate } });
    const targets = [`${scheme}://localhost:${server.port}/`];
    const echo = { perSecond: 50, event: 'e', payloadBytes: 10_000 };
    await agent.order({ ...ORDER, ...WEBSOCKET, targets, connections: 10, echo });
    const { counters } = await agent.until('echoes are answered', (sample) => {
      return sample.open === 10 && sample.counters.echoesAnswered > 20;
    });
    expect(counters).toMatchObject({ failures: {}, losses: {} });
  });

  test('a session that the server closes is lost at once, though TLS does not end', async () => {
    const tls = { allowHalfOpen: true, key: PRIVATE_KEY, cert: CERTIFICATE };
    const silent = createServer(tls, (socket) => {
      socket.once('data', (request) => {
        const key = upgradeKeyOf(request.toString('latin1'));
        socket.write(Buffer.concat([upgradeAnswer(key), closeFrame(1012)]));
      });
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    await using agent = await AgentProcess.start({ env: { NODE_EXTRA_CA_CERTS: certificate } });
    const targets = [`wss://localhost:${port}/`];
    await agent.order({ ...ORDER, ...WEBSOCKET, targets, connections: 3, rate: 20 });
    const { counters } = await agent.until('some are lost', (sample) => {
      return sumOf(sample.counters.losses) >= 3;
    });
    expect(Object.keys(counters.losses)).toEqual(['closed 1012']);
    silent.close();
  });

  test('a certificate that nobody vouches for is a failure by its name', async () => {
    await using agent = await AgentProcess.start();
    const targets = [`wss://localhost:${server.port}/`];
    await agent.order({ ...ORDER, ...WEBSOCKET, targets, connections: 3 });
    const { counters } = await agent.until('some fail', (sample) => {
      return sumOf(sample.counters.failures) >= 6;
    });
    expect(Object.keys(counters.failures)).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT']);
  });

  test('so is one for another name, and a server without TLS', async () => {
    using plain = new ScriptedServer({ open: (socket) => void socket.write('hello\r\n') });
    await using agent = await AgentProcess.start({ env: { NODE_EXTRA_CA_CERTS: certificate } });
    for (const [target, name] of [
      [`wss://127.0.0.2:${plain.port}/`, 'ECONNREFUSED'],
      [`wss://127.0.0.1:${plain.port}/`, 'EPROTO'],
      [`wss://[::ffff:127.0.0.1]:${server.port}/`, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ] as const) {
      const order = { ...ORDER, ...WEBSOCKET, run: target, targets: [target], connections: 3 };
      await agent.order(order);
      const { counters } = await agent.until(`${target} fails`, (sample) => {
        return sumOf(sample.counters.failures) >= 6;
      });
      expect(Object.keys(counters.failures)).toEqual([name]);
    }
  });
});

/** For localhost and 127.0.0.1, made for this test and used nowhere else. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUCQGe3CyGRykDKKlTRPWid+3o1YUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE4NDIxNloYDzIxMjYxMDI5
MTg0MjE2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT+dOiPjiq6r+yH9ttPnw39G/7CvnxM4metwTRx/LgqwETbH6wzzegm
XDmrSzPppsuCjoF/kLjFUP7qGUPfd5DEo28wbTAdBgNVHQ4EFgQUO0UUyW/fpYWZ
PQogIAyIT7nPr7MwHwYDVR0jBBgwFoAUO0UUyW/fpYWZPQogIAyIT7nPr7MwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgHSJx2ArjIJnxULjPXEVrAUram5hIozg2dwhKvvkpcggCIQDD
K7elanyHcVOL+7Es0PngGmCWcpKas4ZzYuUS1YPSiA==
-----END CERTIFICATE-----
`;

const PRIVATE_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsfeijYFZI5QAFmiM
+iKNq0H5xD1j4Yw+BzQPQIxVl9+hRANCAAT+dOiPjiq6r+yH9ttPnw39G/7CvnxM
4metwTRx/LgqwETbH6wzzegmXDmrSzPppsuCjoF/kLjFUP7qGUPfd5DE
-----END PRIVATE KEY-----
`;
