/** What a worker has to do with other nodes, put together, without a bus. */

import { expect, test } from 'bun:test';
import { FakeOwner, OK } from '../../../../test/support/fake-owner.ts';
import { replyTo } from '../../../../test/support/reply-to.ts';
import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import type { NodePlace } from '../../core/contracts/cluster.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { MemoryBudget } from '../../core/limits/memory-budget.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import { SlowReaders } from '../../core/limits/slow-readers.ts';
import { type FrameReader, FrameSplitter, FrameWriter } from '../../protocol/frame.ts';
import { SessionIdFactory } from '../../protocol/session-id.ts';
import { Nodes, type NodesOptions } from './nodes.ts';
import { writePlaces } from './places-text.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** The controller: it tells what it is told to as soon as it is asked, or later. */
class FakeController implements Pick<NodesOptions['bus'], 'say' | 'onService'> {
  places: readonly NodePlace[] | undefined = [];
  #hear: (frame: FrameReader) => void = () => {};

  onService(_service: number, hear: (frame: FrameReader) => void): void {
    this.#hear = hear;
  }

  say(): void {
    queueMicrotask(() => this.places && this.tell(this.places));
  }

  tell(places: readonly NodePlace[]): void {
    const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(1).text(writePlaces(places));
    writer.finish();
    new FrameSplitter(LIMITS.ipcFrameBytes).push(Buffer.from(writer.take()), this.#hear);
  }
}

function open(node: number, bus: FakeController, port = 0, own = new FakeOwner()): Promise<Nodes> {
  const refusals = new Refusals(SILENT);
  const slowReaders = new SlowReaders(
    { maxBackpressureBytes: 1_000, backpressureTimeoutMs: 1_000 },
    new MemoryBudget(100_000, refusals),
  );
  return Nodes.open({
    cluster: { secret: 's'.repeat(32), host: '127.0.0.1', port },
    node,
    worker: 1,
    requestTimeoutMs: 60_000,
    bus,
    own,
    edge: { slowReaders, refusals },
    log: SILENT,
  });
}

test('two nodes reach the sessions of each other', async () => {
  const buses = [new FakeController(), new FakeController()] as const;
  const [one, other] = await Promise.all([open(1, buses[0]), open(2, buses[1])]);
  const placeOf = (node: number, { port }: Nodes): NodePlace => {
    return { node, host: '127.0.0.1', ports: [0, port] };
  };
  buses[0].tell([placeOf(2, other)]);
  buses[1].tell([placeOf(1, one)]);
  const posted = (nodes: Nodes, to: number): Promise<HttpAnswer> =>
    new Promise((resolve) => nodes.peers.ownerOf(to, 1)?.post('mine', 'said', replyTo(resolve)));
  expect(await Promise.all([posted(one, 2), posted(other, 1)])).toEqual([OK, OK]);
  const idOn = (node: number): string => new SessionIdFactory(node, 1).create(0);
  expect([1, 2, 3].map((node) => one.directory.isSessionId(idOn(node)))).toEqual([
    false,
    true,
    false,
  ]);
  one.close();
  other.close();
});

test('a worker is open once it has been told, and after a while without that', async () => {
  const told = new FakeController();
  told.places = [{ node: 2, host: 'far.example', ports: [1, 1] }];
  const nodes = await open(1, told);
  expect(nodes.peers.ownerOf(2, 1)).toBeDefined();
  nodes.close();
  const silent = new FakeController();
  silent.places = undefined;
  const startedAtMs = performance.now();
  const alone = await open(1, silent);
  expect(performance.now() - startedAtMs).toBeGreaterThan(LIMITS.clusterToldMs - 100);
  alone.close();
});

test('each worker has a port of its own; one that another has is named', async () => {
  const first = await open(1, new FakeController());
  const taken = open(1, new FakeController(), first.port - 1);
  expect(await taken.catch((error: unknown) => (error as Error).message)).toMatch(
    /^cannot listen for other nodes at 127\.0\.0\.1 port \d+ .*: set clusterHost .* clusterPort /,
  );
  first.close();
});
