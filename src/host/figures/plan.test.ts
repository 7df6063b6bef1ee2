import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { workerCount } from '../../server/controller/capacity.ts';
import { LIMITS } from '../../server/core/limits/limits.ts';
import { loadConfig } from '../config/load.ts';
import { makePlan, PlanError, type PlanRequest } from './plan.ts';
import {
  PLAN_BASIS,
  type PlanBasis,
  WORKER_FILES_RESERVE,
  WORKERS_MAX,
  workersFor,
} from './plan-node.ts';
import { SESSION_COST, type SessionCost } from './session-cost.ts';

/** Round figures, so that every expectation below is reckoned by hand. */
const COST: SessionCost = {
  source: 'a-run.json',
  measuredOn: '2026-01-01',
  machine: 'a machine',
  workerBytesPerSession: 2_000,
  emptyWorkerBytes: 40_000_000,
  sharedWorkerBytes: 10_000_000,
  kernelBytesPerSocket: 4_000,
  kernelBytesPerLoopbackSocket: 5_000,
  agentBytesPerConnection: 2_000,
  idleCpuMicrosPerSecond: 1,
  idlePingIntervalMs: 25_000,
  cpuMicrosPerDelivery: 10,
  handshakesPerCoreSecond: 10_000,
};
const BASIS: PlanBasis = {
  measuredSessions: 20_000,
  controllerBytes: 50_000_000,
  controllerBytesPerSession: 1_000,
};
const GIB = 2 ** 30;

const plan = (request: Partial<PlanRequest>) =>
  makePlan(
    { connections: 1_000_000, broadcastsPerSecond: 0, churnPercentPerMinute: 0, ...request },
    COST,
    BASIS,
  );

describe('a million connections without further word', () => {
  const { nodes, sessionsPerNode, perNodeFrom, node, all, host } = plan({});

  test('stand on five nodes of 8 cores', () => {
    expect({ nodes, sessionsPerNode, perNodeFrom }).toEqual({
      nodes: 5,
      sessionsPerNode: 200_000,
      perNodeFrom: 'default',
    });
    expect([host.cores, host.memoryBytes]).toEqual([8, 15 * GIB]);
    expect(all).toEqual({ cores: 40, memoryBytes: 75 * GIB });
    expect([node.workers, node.sessionsPerWorker]).toEqual([8, 25_000]);
  });

  test('need the memory of workers, sessions, controller and sockets', () => {
    expect(node.memory).toEqual({
      emptyWorkers: 330_000_000,
      sessions: 400_000_000,
      controller: 250_000_000,
      kernelSockets: 800_000_000,
      total: 1_780_000_000,
    });
  });

  test('need files and, through a proxy, ports', () => {
    // A worker may get 25,641 where the mean is 25,000: 25,641 - 4 × 160.1.
    expect(node.files).toEqual({ perWorker: 25_641 + 256, perHost: 200_000 + 9 * 256 });
    expect(node.proxy).toEqual({
      // 200,000 / 28,232 is 7.08; 25,000 to a port of each worker fit on one address.
      sourceAddresses: 8,
      sourceAddressesWithWorkerPorts: 1,
      files: 400_000,
      kernelBytesOnSameHost: 2_000_000_000,
    });
  });
});

test('CPU is heartbeats, deliveries and handshakes; the times are those of all cores', () => {
  const { node, problems } = plan({ broadcastsPerSecond: 0.5, churnPercentPerMinute: 6 });
  // 200,000 × 1 µs; 200,000 × 0.5 × 10 µs; 200,000 × 6 % / 60 s = 200 a second of 10,000.
  expect(node.cpu.heartbeats).toBeCloseTo(0.2, 9);
  expect(node.cpu.deliveries).toBeCloseTo(1, 9);
  expect(node.cpu.handshakes).toBeCloseTo(0.02, 9);
  expect(node.cpu.total).toBeCloseTo(1.22, 9);
  // 200,000 × 10 µs and 200,000 / 10,000, over 8 cores.
  expect(node.broadcastSeconds).toBeCloseTo(0.25, 9);
  expect(node.stormSeconds).toBeCloseTo(2.5, 9);
  expect(problems).toEqual([]);
});

describe('the sessions of a node', () => {
  test('are what was asked for, spread evenly', () => {
    const { nodes, sessionsPerNode, perNodeFrom, afterLoss } = plan({ perNode: 300_000 });
    expect({ nodes, sessionsPerNode, perNodeFrom }).toEqual({
      nodes: 4,
      sessionsPerNode: 250_000,
      perNodeFrom: 'request',
    });
    // 1,000,000 on the other three.
    expect(afterLoss?.sessions).toBe(333_334);
  });

  test('are what memory has room for, when a host is described', () => {
    // 80 % of 4 GiB are 3,435,973,836; less 2 × 40 MB, 10 MB and 50 MB: 470,853 at 7,000 bytes.
    const { perNodeFrom, nodes, sessionsPerNode, node } = plan({ cores: 2, memoryBytes: 4 * GIB });
    expect({ perNodeFrom, nodes }).toEqual({ perNodeFrom: 'host', nodes: 3 });
    expect(sessionsPerNode).toBe(333_334);
    expect(node.memory.total).toBeLessThan(0.8 * 4 * GIB);
    const full = plan({ cores: 2, memoryBytes: 4 * GIB, connections: 470_853 });
    expect(full.nodes).toBe(1);
    expect(plan({ cores: 2, memoryBytes: 4 * GIB, connections: 470_854 }).nodes).toBe(2);
  });

  test('are what the cores can serve, when everybody hears much', () => {
    // 70 % of 8 cores are 5.6; a session costs 1 + 10 × 10 µs: 55,445 of them.
    const { perNodeFrom, node } = plan({ broadcastsPerSecond: 10, connections: 55_445 });
    expect([perNodeFrom, node.sessions]).toEqual(['host', 55_445]);
    expect(plan({ broadcastsPerSecond: 10, connections: 55_446 }).nodes).toBe(2);
  });

  test('take more workers than cores under a low open-file limit', () => {
    // Room for 10,000 in a worker, 4 × 100 of it for scatter: 20 workers of 9,600.
    const { node } = plan({ connections: 192_000, openFiles: 10_256 });
    expect([node.workers, node.sessionsPerWorker]).toEqual([20, 9_600]);
    expect(node.files.perWorker).toBe(10_256);
    expect(node.memory.emptyWorkers).toBe(810_000_000);
    // Twenty workers still have eight cores.
    expect(node.stormSeconds).toBeCloseTo(2.4, 9);
  });
});

describe('what does not fit', () => {
  test('is said with what to change', () => {
    const { problems } = plan({ perNode: 500_000, memoryBytes: 4 * GIB, broadcastsPerSecond: 2 });
    // 8 × 40 MB + 60 MB + 500,000 × 7,000 bytes; 500,000 × 21 µs; after a loss twice as much.
    expect(problems).toEqual([
      'a node needs 3.61 GiB, and 20 % of the memory stay free: take hosts of 4.52 GiB instead ' +
        'of 4 GiB, or fewer sessions per node.',
      'a node keeps 10.5 cores busy, and 30 % of the cores stay free: take hosts of 15 cores ' +
        'instead of 8, or fewer sessions per node.',
      'when a node is lost, each other one needs 6.87 GiB, and 20 % of the memory stay free: ' +
        'take hosts of 8.59 GiB instead of 4 GiB, or fewer sessions per node.',
      'when a node is lost, each other one keeps 21.0 cores busy, and 30 % of the cores stay ' +
        'free: take hosts of 30 cores instead of 8, or fewer sessions per node.',
    ]);
  });

  test('is told of a lost node under a given open-file limit', () => {
    // 9 workers for 80,000 at 9,600 each; when one of two such nodes is lost, 160,000 come.
    const { problems } = plan({ connections: 160_000, perNode: 80_000, openFiles: 10_256 });
    expect(problems).toEqual([
      'when a node is lost, each other one would hold 160,000 sessions, but its 9 workers take ' +
        '86,400: raise the open-file limit, or start more workers.',
    ]);
  });

  test('is refused when there can be no such node', () => {
    expect(() => plan({ perNode: 200_000, openFiles: 1_024 })).toThrow(
      'With 1,024 open files a worker can be planned for 657 sessions, so 200,000 take 305 ' +
        'workers, and a node has 256 at most: raise --open-files or lower --per-node.',
    );
    expect(() => plan({ memoryBytes: 0.25 * GIB })).toThrow(PlanError);
    expect(() => plan({ memoryBytes: 0.25 * GIB })).toThrow(
      'Not even one session fits on such a host: a node needs 0.35 GiB',
    );
  });

  test('makes smaller nodes where nobody asked for their size', () => {
    // 256 workers of 657.15 sessions are 168,230: six nodes, not five.
    const { nodes, node } = plan({ openFiles: 1_024 });
    expect(nodes).toBe(6);
    expect(node.workers).toBe(254);
  });
});

describe('where the figures stop being measured', () => {
  test('is nothing but the network within the size of the run', () => {
    const { unmeasured, measured } = plan({ connections: 20_000, cores: 1, memoryBytes: GIB });
    expect(unmeasured).toEqual([expect.stringContaining('measured over loopback')]);
    expect(measured).toEqual({
      source: 'a-run.json',
      on: '2026-01-01',
      machine: 'a machine',
      sessions: 20_000,
    });
  });

  test('is told with how many times the measured size', () => {
    expect(plan({}).unmeasured).toEqual([
      '25,000 sessions in a worker are 1.3 times the 20,000 that were measured.',
      'One worker was measured; a node of 8 is reckoned as 8 of them: 200,000 sessions, 10 times ' +
        'the measured.',
      expect.stringContaining('measured over loopback'),
      'A broker links the nodes (docs/CLUSTER.md); its host is not in this plan.',
    ]);
  });
});

describe('what the plan takes from elsewhere', () => {
  test('are the bounds of the server', () => {
    expect(WORKER_FILES_RESERVE).toBe(LIMITS.openFilesReserve);
    expect(WORKERS_MAX).toBe(LIMITS.workersPerNode);
  });

  test('is the number of workers that a node starts by itself', () => {
    const config = loadConfig();
    for (const openFiles of [288, 1_024, 10_256, 20_000, 65_536]) {
      const capacity = openFiles - WORKER_FILES_RESERVE;
      const connections = openFiles * 10;
      const workers = workersFor(connections, { cores: 8, memoryBytes: GIB, openFiles });
      const started = workerCount({ ...config, connections }, capacity, 8);
      expect(workers).toBe(started);
    }
  });

  test('is the run that the cost of a session names', () => {
    const { bouts } = JSON.parse(readFileSync(SESSION_COST.source, 'utf8')) as {
      bouts: {
        contestant: string;
        sessions: number;
        memory: Record<'empty' | 'afterChurn', { otherRssBytes: number }>;
      }[];
    };
    const ours = bouts.filter(({ contestant }) => contestant === 'holdfast');
    expect(ours.length).toBeGreaterThan(0);
    for (const { sessions, memory } of ours) {
      expect(sessions).toBe(PLAN_BASIS.measuredSessions);
      const { empty, afterChurn } = memory;
      const perSession = (afterChurn.otherRssBytes - empty.otherRssBytes) / sessions;
      expect(PLAN_BASIS.controllerBytes / empty.otherRssBytes).toBeCloseTo(1, 1);
      expect(PLAN_BASIS.controllerBytesPerSession / perSession).toBeCloseTo(1, 1);
    }
  });
});
