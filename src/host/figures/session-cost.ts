/**
 * What a session costs, as measured: the figures that the doctor and the plan reckon with.
 *
 * They come from runs of this project (docs/BENCHMARKS.md); a new run changes this file and nothing
 * else. Figures of memory and CPU belong to the machine of their run: other processors differ.
 */

export interface SessionCost {
  /** Which run the figures come from, so that whoever reads a result can look it up. */
  readonly source: string;
  readonly measuredOn: string;
  readonly machine: string;
  /** Memory of a worker for one session, without the worker's own. */
  readonly workerBytesPerSession: number;
  /** Memory of a worker without sessions that no other process shares. */
  readonly emptyWorkerBytes: number;
  /** Memory that all workers of a host share: the program. */
  readonly sharedWorkerBytes: number;
  /** Kernel memory for one end of a TCP connection whose other end is on another host. */
  readonly kernelBytesPerSocket: number;
  /** The same where both ends are on this host. */
  readonly kernelBytesPerLoopbackSocket: number;
  /** Memory of an agent of the fleet for one connection. */
  readonly agentBytesPerConnection: number;
  /** CPU time in a second for one session that does nothing but answer pings. */
  readonly idleCpuMicrosPerSecond: number;
  /** The ping interval at which that was measured; the cost goes with its inverse. */
  readonly idlePingIntervalMs: number;
  /** CPU time of a worker for one message to one session. */
  readonly cpuMicrosPerDelivery: number;
  /** Sessions that a worker takes in with one second of CPU time. */
  readonly handshakesPerCoreSecond: number;
}

export const SESSION_COST: SessionCost = {
  source: 'bench/results/2026-11-22T17-19-45-bench.json',
  measuredOn: '2026-11-22',
  machine: '2 cores of an AMD EPYC, Linux 6.18, Bun 1.4.5',
  // Socket.IO over WebSocket, authenticated, in two rooms, after all had left and come back once;
  // 19,000 sessions in one worker. Idle and fresh it was 2,324.
  workerBytesPerSession: 2_453,
  // Of the million run (bench/results/2026-11-25-million): the controller and 53 empty workers had
  // 0.43 GB together where shared pages count once, and 46 MB each where they count in every one.
  emptyWorkerBytes: 8_000_000,
  sharedWorkerBytes: 46_000_000,
  // 3 to 4 KB were seen; the upper end.
  kernelBytesPerSocket: 4_000,
  // The million run: 10,284 bytes of slab for both ends of a connection.
  kernelBytesPerLoopbackSocket: 5_120,
  // The million run: 1,400, all of the fleet's 51 agents counted, empty ones included.
  agentBytesPerConnection: 1_400,
  // The second run of that day, `--only holdfast,bare --rounds 1 --idle 50`.
  idleCpuMicrosPerSecond: 0.73,
  idlePingIntervalMs: 25_000,
  // One `send` for each session; in bursts of five messages 2.42.
  cpuMicrosPerDelivery: 8.85,
  handshakesPerCoreSecond: 14_747,
};
