/**
 * Makes a worker's CPU profile whole, and sums it up.
 *
 * The sampler sees JavaScript, and native functions that JavaScript has called. While the event
 * loop waits, or the runtime reads sockets and calls nobody yet, there are gaps. The CPU time of
 * the thread says how much of all gaps together was work; which part of one gap was, nobody knows.
 * So each is given to `(idle)` and `(program)`, as DevTools call them, in the proportion of them
 * all.
 */

import { NameMap } from '../host/runtime/name-map.ts';
import type { CpuProfile, CpuProfileNode, WorkerProfile } from '../server/controller/node-view.ts';

export interface ProfileSummary {
  readonly worker: number;
  readonly pid: number;
  readonly usage: WorkerProfile['usage'];
  readonly survivors?: WorkerProfile['survivors'];
  readonly kinds: readonly TimeShare[];
  /** By self time, the largest first. */
  readonly functions: readonly TimeShare[];
  readonly files: readonly TimeShare[];
}

export interface TimeShare {
  readonly name: string;
  /** File and line of a function; absent for what is native, and for kinds and files. */
  readonly place?: string;
  readonly ms: number;
  /** Of the time that the profile took. */
  readonly share: number;
}

/** A function sampled and how long it ran, until the next sample. */
interface Stretch {
  readonly node: CpuProfileNode;
  readonly micros: number;
}

/** What the sampler leaves between two looks while it can look. */
const INTERVAL_MICROS = 1_000;
/** The sampler is late at times; from here on it had nothing to look at. */
const GAP_MICROS = 2_500;
const TOP = 15;

const IDLE = '(idle)';
const PROGRAM = '(program)';
const OUTSIDE: ReadonlySet<string> = new Set([IDLE, PROGRAM]);

/** The profile with its gaps filled, from the moment it began to the moment it ended. */
export function fillGaps({ profile, usage }: WorkerProfile): CpuProfile {
  const { nodes, idle, program } = withOutsideNodes(profile.nodes);
  const { startTime } = profile;
  const times = timesOf(profile);
  const endTime = Math.max(startTime + usage.wallMs * 1000, times.at(-1) ?? 0);
  const gaps = findGaps(startTime, endTime, times);
  const gapMicros = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
  const sampledMicros = endTime - startTime - gapMicros;
  const outsideMicros = usage.mainThreadCpuMs * 1000 - sampledMicros;
  const programShare = Math.min(1, Math.max(0, outsideMicros / Math.max(1, gapMicros)));
  const marks: [time: number, node: number][] = times.map((time, index) => {
    return [time, profile.samples[index] as number];
  });
  for (const { from, to } of gaps) {
    const split = to - (to - from) * programShare;
    if (split > from) marks.push([from, idle]);
    if (split < to) marks.push([split, program]);
  }
  marks.sort(([a], [b]) => a - b);
  let before = startTime;
  const timeDeltas = marks.map(([time]) => {
    // Rounded sums, not sums of what was rounded, or the profile would drift.
    const delta = Math.round(time) - Math.round(before);
    before = time;
    return delta;
  });
  return {
    nodes: withHits(nodes, marks),
    startTime: Math.round(startTime),
    endTime: Math.round(endTime),
    samples: marks.map(([, node]) => node),
    timeDeltas,
  };
}

/** Adds the two nodes for what is not JavaScript under the root. */
function withOutsideNodes(nodes: readonly CpuProfileNode[]): {
  readonly nodes: CpuProfileNode[];
  readonly idle: number;
  readonly program: number;
} {
  const [root = nodeOf(1, '(root)'), ...rest] = nodes;
  const idle = nodes.reduce((highest, { id }) => Math.max(highest, id), root.id) + 1;
  const program = idle + 1;
  const children = [...(root.children ?? []), idle, program];
  const added = [nodeOf(idle, IDLE), nodeOf(program, PROGRAM)];
  return { nodes: [{ ...root, children }, ...rest, ...added], idle, program };
}

function nodeOf(id: number, functionName: string): CpuProfileNode {
  const callFrame = { functionName, scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 };
  return { id, callFrame, hitCount: 0 };
}

function withHits(
  nodes: readonly CpuProfileNode[],
  marks: readonly (readonly [time: number, node: number])[],
): CpuProfileNode[] {
  const hits = new Map<number, number>();
  for (const [, node] of marks) hits.set(node, (hits.get(node) ?? 0) + 1);
  return nodes.map((node) => ({ ...node, hitCount: hits.get(node.id) ?? 0 }));
}

/** When each sample was taken. */
function timesOf({ startTime, timeDeltas }: CpuProfile): number[] {
  let time = startTime;
  return timeDeltas.map((delta) => {
    time += delta;
    return time;
  });
}

function findGaps(
  startTime: number,
  endTime: number,
  times: readonly number[],
): { readonly from: number; readonly to: number }[] {
  const gaps: { from: number; to: number }[] = [];
  const first = times[0] ?? endTime;
  if (first > startTime) gaps.push({ from: startTime, to: first });
  for (const [index, time] of times.entries()) {
    const to = times[index + 1] ?? endTime;
    // What was seen last ran for a while longer.
    if (to - time > GAP_MICROS) gaps.push({ from: time + INTERVAL_MICROS, to });
  }
  return gaps;
}

/**
 * @param whole the profile with its gaps filled
 */
export function summarize(
  { worker, pid, root, usage, survivors }: WorkerProfile,
  whole: CpuProfile,
): ProfileSummary {
  const totalMicros = Math.max(1, whole.endTime - whole.startTime);
  const sum = (
    nameOf: (node: CpuProfileNode) => string | undefined,
    placeOf: (node: CpuProfileNode) => string | undefined = () => undefined,
  ): TimeShare[] => {
    // Whoever answered has chosen the names.
    const sums = new NameMap<{ name: string; place: string | undefined; micros: number }>();
    for (const { node, micros } of stretchesOf(whole)) {
      const name = nameOf(node);
      if (name === undefined) continue;
      const place = placeOf(node);
      const entry = sums.get(`${name}\0${place}`) ?? { name, place, micros: 0 };
      entry.micros += micros;
      sums.set(`${name}\0${place}`, entry);
    }
    return [...sums.values()]
      .toSorted((a, b) => b.micros - a.micros)
      .map(({ name, place, micros }) => ({
        name,
        ...(place === undefined ? {} : { place }),
        ms: Math.round(micros / 100) / 10,
        share: Math.round((micros / totalMicros) * 1000) / 1000,
      }));
  };
  const named = ({ callFrame }: CpuProfileNode): string | undefined =>
    OUTSIDE.has(callFrame.functionName) ? undefined : callFrame.functionName || '(anonymous)';
  return {
    worker,
    pid,
    usage,
    ...(survivors === undefined ? {} : { survivors }),
    kinds: sum((node) => kindOf(node, root)),
    functions: sum(named, (node) => placeOf(node, root)).slice(0, TOP),
    files: sum((node) => fileOf(node, root)).slice(0, TOP),
  };
}

/** Each sample lasts until the next one, and the last until the end. */
function stretchesOf(profile: CpuProfile): Stretch[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const times = timesOf(profile);
  return profile.samples.flatMap((id, index) => {
    const node = nodes.get(id);
    if (node === undefined) return [];
    return [{ node, micros: (times[index + 1] ?? profile.endTime) - (times[index] as number) }];
  });
}

function kindOf({ callFrame }: CpuProfileNode, root: string): string {
  const { functionName, scriptId, url } = callFrame;
  if (functionName === IDLE) return 'idle';
  if (functionName === PROGRAM) return 'native code outside JavaScript';
  if (url.startsWith(`${root}src/`)) return 'JavaScript of Holdfast';
  if (url.startsWith('file:')) return 'JavaScript of the app';
  if (url !== '' || scriptId !== '0') return 'JavaScript of the runtime';
  // The only function of that name is the one that our collector calls.
  if (functionName === 'gc') return 'garbage collections of the schedule';
  return 'native functions called by JavaScript';
}

function fileOf({ callFrame }: CpuProfileNode, root: string): string | undefined {
  const { url } = callFrame;
  if (url === '') return undefined;
  const name = url.startsWith(root) ? url.slice(root.length) : url;
  return name.replace(/^file:\/\//, '');
}

function placeOf(node: CpuProfileNode, root: string): string | undefined {
  const file = fileOf(node, root);
  return file === undefined ? undefined : `${file}:${node.callFrame.lineNumber + 1}`;
}
