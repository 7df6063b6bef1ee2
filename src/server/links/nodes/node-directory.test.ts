/** Both ends of what workers are told of other nodes, without a bus between them. */

import { describe, expect, test } from 'bun:test';
import type { ClusterEvents, NodePlace } from '../../core/contracts/cluster.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { type FrameReader, FrameSplitter, FrameWriter } from '../../protocol/frame.ts';
import { SessionIdFactory } from '../../protocol/session-id.ts';
import { NodeDirectory } from './node-directory.ts';
import { NodesService } from './nodes-service.ts';
import { readPlaces, writePlaces } from './places-text.ts';

const FAR: NodePlace = { node: 2, host: '10.0.0.2', ports: [7_001, 0] };
const FARTHER: NodePlace = { node: 3, host: 'far.example', ports: [7_000] };

/** A frame as it comes out at the other end. */
function written(write: (frame: FrameWriter) => void): FrameReader {
  const writer = new FrameWriter(LIMITS.ipcFrameBytes).begin(1);
  write(writer);
  writer.finish();
  let read: FrameReader | undefined;
  new FrameSplitter(LIMITS.ipcFrameBytes).push(Buffer.from(writer.take()), (frame) => {
    read = frame;
  });
  return read as FrameReader;
}

/** A worker, as the directory knows its bus. */
class FakeBus {
  asked = 0;
  #hear: (frame: FrameReader) => void = () => {};

  onService(service: number, hear: (frame: FrameReader) => void): void {
    expect(service).toBe(5);
    this.#hear = hear;
  }

  say(service: number): void {
    expect(service).toBe(5);
    this.asked++;
  }

  tell(text: string): void {
    this.#hear(written((frame) => frame.text(text)));
  }
}

describe('a directory', () => {
  test('asks, and knows the workers of other nodes from then on', async () => {
    const bus = new FakeBus();
    let changes = 0;
    const directory = new NodeDirectory(bus, 1, () => changes++);
    expect([bus.asked, directory.size]).toEqual([1, 0]);
    expect(directory.find(2, 0)).toBeUndefined();
    bus.tell(writePlaces([FAR, FARTHER]));
    expect([changes, await directory.told]).toEqual([1, undefined]);
    expect(directory.find(2, 0)).toEqual(FAR);
    // One that has no port at the moment is known all the same.
    expect(directory.find(2, 1)).toEqual(FAR);
    expect(directory.find(2, 2)).toBeUndefined();
    bus.tell(writePlaces([FARTHER]));
    expect([directory.find(2, 0), directory.size]).toEqual([undefined, 1]);
  });

  test('knows names that are ids of sessions of other nodes', () => {
    const bus = new FakeBus();
    const directory = new NodeDirectory(bus, 1);
    const idOn = (node: number, worker: number): string =>
      new SessionIdFactory(node, worker).create(7);
    const ids = [idOn(2, 1), idOn(2, 2), idOn(4, 0), idOn(1, 0), 'room', 'x'.repeat(24)];
    expect(ids.map((id) => directory.isSessionId(id))).toEqual(ids.map(() => false));
    bus.tell(writePlaces([FAR]));
    expect(ids.map((id) => directory.isSessionId(id))).toEqual([
      true,
      ...ids.slice(1).map(() => false),
    ]);
  });

  test('passes over a place of its own node', () => {
    const bus = new FakeBus();
    const directory = new NodeDirectory(bus, 2);
    bus.tell(writePlaces([FAR, FARTHER]));
    expect([directory.find(2, 0), directory.find(3, 0)]).toEqual([undefined, FARTHER]);
  });

  test('keeps what it knew when it is told what is no list of places', () => {
    const bus = new FakeBus();
    const directory = new NodeDirectory(bus, 1);
    bus.tell(writePlaces([FAR]));
    expect(() => bus.tell('{}')).toThrow('no list');
    expect(directory.find(2, 0)).toEqual(FAR);
  });
});

describe('places', () => {
  test('are read as they were written', () => {
    expect(readPlaces(writePlaces([FAR, FARTHER]))).toEqual([FAR, FARTHER]);
    expect(readPlaces('[]')).toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['no list', '{"node":2}'],
    ['no place', '[null]'],
    ['no number', '[{"host":"a","ports":[1]}]'],
    ['a number that no session id holds', '[{"node":16777216,"host":"a","ports":[1]}]'],
    ['a number that is not whole', '[{"node":1.5,"host":"a","ports":[1]}]'],
    ['no host', '[{"node":2,"ports":[1]}]'],
    ['a host with a path', '[{"node":2,"host":"a/b","ports":[1]}]'],
    ['a host of several lines', '[{"node":2,"host":"a\\nb","ports":[1]}]'],
    ['an endless host', `[{"node":2,"host":"${'a'.repeat(254)}","ports":[1]}]`],
    ['no ports', '[{"node":2,"host":"a"}]'],
    ['a port that is none', '[{"node":2,"host":"a","ports":[65536]}]'],
    ['a port in words', '[{"node":2,"host":"a","ports":["1"]}]'],
    ['too many ports', JSON.stringify([{ ...FAR, ports: Array(257).fill(1) }])],
    ['too many nodes', JSON.stringify(Array(LIMITS.clusterNodes + 1).fill(FAR))],
  ])('%s: refused', (_name, text) => {
    expect(() => readPlaces(text)).toThrow();
  });
});

describe('a service', () => {
  function start(places: readonly NodePlace[]): {
    service: NodesService;
    told: (readonly [number, unknown])[];
    change: (places: readonly NodePlace[]) => void;
  } {
    const told: (readonly [number, unknown])[] = [];
    const watching: ClusterEvents[] = [];
    const hub = {
      say: (worker: number, number: number, write: (frame: FrameWriter) => void): boolean => {
        expect(number).toBe(5);
        told.push([worker, readPlaces(written(write).text())]);
        return true;
      },
    };
    const cluster = { places, watch: (events: ClusterEvents) => void watching.push(events) };
    const service = new NodesService(cluster, hub, 2, 0);
    return { service, told, change: (next) => watching[0]?.onPlaces?.(next) };
  }

  test('tells a worker that asks', () => {
    const { service, told } = start([FAR]);
    expect(told).toEqual([]);
    service.onSaid(1);
    expect(told).toEqual([[1, [FAR]]]);
  });

  test('tells all of them what has changed, and nothing that has not', () => {
    const { service, told, change } = start([FAR]);
    change([FAR]);
    expect(told).toEqual([]);
    change([FAR, FARTHER]);
    expect(told).toEqual([
      [0, [FAR, FARTHER]],
      [1, [FAR, FARTHER]],
    ]);
    service.onSaid(0);
    expect(told.at(-1)).toEqual([0, [FAR, FARTHER]]);
    change([]);
    expect(told.at(-1)).toEqual([1, []]);
  });
});
