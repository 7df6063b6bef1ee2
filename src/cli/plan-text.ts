/** A plan for people: what each node needs as a table, what does not fit, what is not measured. */
import { count, gibibytes, type Plan } from '../host/figures/plan.ts';
import { PORTS_PER_TARGET } from '../host/figures/plan-node.ts';
import { tableText } from './table.ts';

export function planText(plan: Plan): string {
  const { measured } = plan;
  return [
    headline(plan),
    origin(plan),
    '',
    nodeTable(plan),
    ...loss(plan),
    `Start each node with: holdfast start --connections ${plan.sessionsPerNode} ` +
      `--workers ${plan.node.workers}`,
    ...list('Does not fit:', plan.problems),
    ...list('Not measured:', plan.unmeasured),
    '',
    `Figures: ${measured.source} of ${measured.on}, ${count(measured.sessions)} sessions in one ` +
      `worker on ${measured.machine}.`,
  ].join('\n');
}

function headline({ connections, nodes, sessionsPerNode }: Plan): string {
  const all = `${count(connections)} connections`;
  if (nodes === 1) return `${all} on one node.`;
  return `${all} on ${count(nodes)} nodes of ${count(sessionsPerNode)}.`;
}

function origin({ host, perNodeFrom, nodes, all }: Plan): string {
  const size = `${count(host.cores)} cores and ${gibibytes(host.memoryBytes)}`;
  const together =
    nodes === 1 ? '' : ` Together: ${count(all.cores)} cores, ${gibibytes(all.memoryBytes)}.`;
  const reason = {
    request: `Each on a host of ${size} (--cores and --memory describe another).`,
    host: `As many to a node as fit on a host of ${size}.`,
    default: `Each on a host of ${size} (--cores, --memory and --per-node say otherwise).`,
  };
  return reason[perNodeFrom] + together;
}

/** A line of the table: what it is about (told once), what, and how much. */
type Row = readonly [string, string, string];

function nodeTable(plan: Plan): string {
  return tableText(
    [{ head: 'each node' }, { head: 'what' }, { head: 'needs', align: 'right' }],
    [...resourceRows(plan), ...boundRows(plan)],
  );
}

function resourceRows({ node, host, load }: Plan): Row[] {
  const { memory, cpu } = node;
  const rows: Row[] = [
    ['workers', `of ${count(node.sessionsPerWorker)} sessions`, count(node.workers)],
    ['memory', 'workers without sessions', gibibytes(memory.emptyWorkers)],
    ['', 'their sessions', gibibytes(memory.sessions)],
    ['', 'controller', gibibytes(memory.controller)],
    ['', 'sockets in the kernel', gibibytes(memory.kernelSockets)],
    ['', `together, ${share(memory.total, host.memoryBytes)} of the host`, gibibytes(memory.total)],
    ['CPU', 'heartbeats of idle sessions', cores(cpu.heartbeats)],
  ];
  if (load.broadcastsPerSecond > 0) {
    rows.push(['', `messages to all, ${load.broadcastsPerSecond} a second`, cores(cpu.deliveries)]);
  }
  if (load.churnPercentPerMinute > 0) {
    const what = `clients coming back, ${load.churnPercentPerMinute} % a minute`;
    rows.push(['', what, cores(cpu.handshakes)]);
  }
  rows.push(['', `together, ${share(cpu.total, host.cores)} of the host`, cores(cpu.total)]);
  return rows;
}

function boundRows({ node, afterLoss }: Plan): Row[] {
  const { files, proxy } = node;
  const spare: Row[] =
    afterLoss === undefined
      ? []
      : [['', 'the same when a node is lost', count(afterLoss.files.perWorker)]];
  const ports = `addresses it connects from, ${count(PORTS_PER_TARGET)} ports each`;
  return [
    ['time', 'one message to the last session', seconds(node.broadcastSeconds)],
    ['', 'all sessions back after a cut', seconds(node.stormSeconds)],
    ['files', 'open-file limit of a worker', count(files.perWorker)],
    ...spare,
    ['', 'fs.file-max of the host', count(files.perHost)],
    ['proxy', ports, count(proxy.sourceAddresses)],
    ['', 'with --worker-ports true', count(proxy.sourceAddressesWithWorkerPorts)],
    ['', 'its open files', count(proxy.files)],
    ['', 'kernel memory, were it on this host', gibibytes(proxy.kernelBytesOnSameHost)],
  ];
}

function cores(value: number): string {
  return `${value.toFixed(2)} cores`;
}

function share(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}

function loss({ nodes, afterLoss, host }: Plan): string[] {
  if (afterLoss === undefined) return ['When the node is lost, all connections are.'];
  const each = nodes === 2 ? 'the other holds' : `the other ${count(nodes - 1)} hold`;
  const { sessions, memory, cpu } = afterLoss;
  return [
    `When a node is lost, ${each} ${count(sessions)}${nodes === 2 ? '' : ' each'}: ` +
      `${gibibytes(memory.total)} of ${gibibytes(host.memoryBytes)}, ` +
      `${cpu.total.toFixed(2)} of ${count(host.cores)} cores.`,
  ];
}

function seconds(value: number): string {
  return value < 10 ? `${value.toFixed(2)} s` : `${Math.round(value)} s`;
}

function list(title: string, sentences: readonly string[]): string[] {
  if (sentences.length === 0) return [];
  return ['', title, ...sentences.map((sentence) => `- ${capitalized(sentence)}`)];
}

function capitalized(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
