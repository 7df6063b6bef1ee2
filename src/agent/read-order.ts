/** Reads an order that came over the network: every field is judged before anything obeys it. */

import type { AgentOrder, EchoOrder, JitterOrder, ProtocolWeight } from './contract.ts';

/** An order that names more than this many addresses is a mistake. */
const ADDRESSES_MAX = 4_096;
const CONNECTIONS_MAX = 10_000_000;
const ECHO_BYTES_MAX = 32_768;

export class OrderError extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** @throws OrderError with one sentence */
export function readOrder(value: unknown): AgentOrder {
  const fields = fieldsOf(value, 'the order');
  const order = {
    run: textOf(fields, 'run'),
    connections: numberOf(fields, 'connections', 0, CONNECTIONS_MAX),
    rate: positiveOf(fields, 'rate'),
    targets: listOf(fields, 'targets').map(target),
    sources: listOf(fields, 'sources').map((source) => textIn(source, 'sources')),
    mix: listOf(fields, 'mix').map(protocolWeight),
    firstNumber: numberOf(fields, 'firstNumber', 0, Number.MAX_SAFE_INTEGER),
    auth: fields['auth'] === undefined ? undefined : textOf(fields, 'auth'),
    echo: fields['echo'] === undefined ? undefined : echo(fields['echo']),
    churnPerMinute: numberOf(fields, 'churnPerMinute', 0, Number.MAX_SAFE_INTEGER),
    jitter: fields['jitter'] === undefined ? undefined : jitter(fields['jitter']),
    storms: numberOf(fields, 'storms', 0, Number.MAX_SAFE_INTEGER),
    clockOffsetMs: numberOf(fields, 'clockOffsetMs', -Number.MAX_VALUE, Number.MAX_VALUE),
  };
  if (order.targets.length === 0) throw new OrderError('`targets` must name at least one URL.');
  if (order.mix.length === 0) throw new OrderError('`mix` must name at least one protocol.');
  return order;
}

function target(value: unknown): string {
  const text = textIn(value, 'targets');
  if (/^(wss?|https?):/.test(text) && URL.canParse(text)) return text;
  throw new OrderError(`\`targets\` holds "${text}"; it must be a URL such as ws://host:8500/.`);
}

function protocolWeight(value: unknown): ProtocolWeight {
  const fields = fieldsOf(value, 'an entry of `mix`');
  const { protocol } = fields;
  if (protocol !== 'socket-io' && protocol !== 'websocket') {
    throw new OrderError('`protocol` must be "socket-io" or "websocket".');
  }
  return { protocol, weight: positiveOf(fields, 'weight') };
}

function echo(value: unknown): EchoOrder {
  const fields = fieldsOf(value, '`echo`');
  return {
    perSecond: positiveOf(fields, 'perSecond'),
    event: textOf(fields, 'event'),
    payloadBytes: numberOf(fields, 'payloadBytes', 0, ECHO_BYTES_MAX),
  };
}

function jitter(value: unknown): JitterOrder {
  const fields = fieldsOf(value, '`jitter`');
  return { everyMs: positiveOf(fields, 'everyMs'), awayMs: positiveOf(fields, 'awayMs') };
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new OrderError(`${what} must be a JSON object.`);
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (Array.isArray(value) && value.length <= ADDRESSES_MAX) return value as unknown[];
  throw new OrderError(`\`${name}\` must be a list of at most ${ADDRESSES_MAX} entries.`);
}

function textOf(fields: Fields, name: string): string {
  return textIn(fields[name], name);
}

function textIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new OrderError(`\`${name}\` must be text that is not empty.`);
}

function positiveOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new OrderError(`\`${name}\` must be a number above 0.`);
}

function numberOf(fields: Fields, name: string, lowest: number, highest: number): number {
  const value = fields[name];
  if (typeof value === 'number' && value >= lowest && value <= highest) return value;
  throw new OrderError(`\`${name}\` must be a number from ${lowest} to ${highest}.`);
}
