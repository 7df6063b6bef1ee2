/** Reads an order that came over the network: every field is judged before anything obeys it. */

import { parsed } from '../../host/foreign/parsed.ts';
import {
  type AgentOrder,
  CLIENT_PROTOCOLS,
  COALESCE_MAX_MS,
  type EchoOrder,
  hasEchoes,
  type JitterOrder,
  type ProtocolWeight,
} from './contract.ts';

/** An order that names more than this many addresses is a mistake. */
const ADDRESSES_MAX = 4_096;
const CONNECTIONS_MAX = 10_000_000;
/** Actions in one second or minute; nothing that one process can do comes near. */
const RATE_MAX = 1_000_000;
const ECHO_BYTES_MAX = 32_768;
/** With the payload, and each character written as six, it fits a frame of 65,535 bytes. */
const EVENT_CHARACTERS_MAX = 1_024;
/** With the longest number in it. */
const AUTH_BYTES_MAX = 32_768;
const DAY_MS = 86_400_000;
/** A century; clocks of computers without a battery begin in 1970. */
const CLOCK_OFFSET_MAX_MS = 36_525 * DAY_MS;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

export class OrderError extends Error {}

type Fields = Readonly<Record<string, unknown>>;

/** @throws OrderError with one sentence */
export function readOrder(value: unknown): AgentOrder {
  const fields = fieldsOf(value, 'The order');
  const order = {
    run: textOf(fields, 'run'),
    connections: wholeOf(fields, 'connections', CONNECTIONS_MAX),
    rate: positiveOf(fields, 'rate', RATE_MAX),
    targets: listOf(fields, 'targets').map(target),
    sources: listOf(fields, 'sources').map(source),
    mix: listOf(fields, 'mix').map(protocolWeight),
    firstNumber: wholeOf(fields, 'firstNumber', Number.MAX_SAFE_INTEGER - CONNECTIONS_MAX),
    auth: fields['auth'] === undefined ? undefined : auth(textOf(fields, 'auth')),
    echo: fields['echo'] === undefined ? undefined : echo(fields['echo']),
    churnPerMinute: numberOf(fields, 'churnPerMinute', 0, 60 * RATE_MAX),
    jitter: fields['jitter'] === undefined ? undefined : jitter(fields['jitter']),
    storms: wholeOf(fields, 'storms', Number.MAX_SAFE_INTEGER),
    coalesceMs: wholeOf(fields, 'coalesceMs', COALESCE_MAX_MS),
    clockOffsetMs: numberOf(fields, 'clockOffsetMs', -CLOCK_OFFSET_MAX_MS, CLOCK_OFFSET_MAX_MS),
  };
  if (order.targets.length === 0) throw new OrderError('`targets` must name at least one URL.');
  if (order.mix.length === 0) throw new OrderError('`mix` must name at least one protocol.');
  if (order.echo !== undefined && !order.mix.every(({ protocol }) => hasEchoes(protocol))) {
    throw new OrderError('`echo` is for socket-io and websocket alone.');
  }
  return order;
}

function target(value: unknown): string {
  const text = textIn(value, 'targets');
  const url = /^(wss?|https?):/.test(text) ? URL.parse(text) : null;
  // Nothing could be sent of a user, and no port 0 be reached: better refused than passed over.
  if (url !== null && url.port !== '0' && url.username === '' && url.password === '') return text;
  throw new OrderError(
    `\`targets\` holds ${show(text)}; it must be a URL such as ws://host:8500/.`,
  );
}

/** Bun takes what is no address for none, and lets the kernel choose. */
function source(value: unknown): string {
  const text = textIn(value, 'sources');
  if (IPV4.test(text) || (text.includes(':') && URL.canParse(`http://[${text}]/`))) return text;
  throw new OrderError(`\`sources\` holds ${show(text)}; it must be an address such as 127.0.0.2.`);
}

function auth(text: string): string {
  const longest = text.replaceAll('{n}', String(Number.MAX_SAFE_INTEGER));
  if (Buffer.byteLength(longest) > AUTH_BYTES_MAX) {
    throw new OrderError(`\`auth\` must be shorter than ${AUTH_BYTES_MAX} bytes.`);
  }
  try {
    fieldsOf(parsed(longest), '`auth`');
    return text;
  } catch {
    throw new OrderError('`auth` must be a JSON object, in which {n} stands for a number.');
  }
}

function protocolWeight(value: unknown): ProtocolWeight {
  const fields = fieldsOf(value, 'Each entry of `mix`');
  const protocol = CLIENT_PROTOCOLS.find((known) => known === fields['protocol']);
  if (protocol === undefined) {
    throw new OrderError(`\`protocol\` must be one of ${CLIENT_PROTOCOLS.join(', ')}.`);
  }
  return { protocol, weight: positiveOf(fields, 'weight', RATE_MAX) };
}

function echo(value: unknown): EchoOrder {
  const fields = fieldsOf(value, '`echo`');
  return {
    perSecond: positiveOf(fields, 'perSecond', RATE_MAX),
    event: eventOf(fields),
    payloadBytes: wholeOf(fields, 'payloadBytes', ECHO_BYTES_MAX),
  };
}

function jitter(value: unknown): JitterOrder {
  const fields = fieldsOf(value, '`jitter`');
  return {
    everyMs: numberOf(fields, 'everyMs', 1, DAY_MS),
    awayMs: numberOf(fields, 'awayMs', 1, DAY_MS),
  };
}

function eventOf(fields: Fields): string {
  const event = textOf(fields, 'event');
  if (event.length <= EVENT_CHARACTERS_MAX && event.isWellFormed()) return event;
  throw new OrderError(
    `\`event\` must be well-formed, of at most ${EVENT_CHARACTERS_MAX} characters.`,
  );
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

function positiveOf(fields: Fields, name: string, highest: number): number {
  const value = fields[name];
  if (typeof value === 'number' && value > 0 && value <= highest) return value;
  throw new OrderError(`\`${name}\` must be a number above 0, up to ${highest}.`);
}

function wholeOf(fields: Fields, name: string, highest: number): number {
  const value = fields[name];
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= highest) {
    return value as number;
  }
  throw new OrderError(`\`${name}\` must be a whole number from 0 to ${highest}.`);
}

function numberOf(fields: Fields, name: string, lowest: number, highest: number): number {
  const value = fields[name];
  if (typeof value === 'number' && value >= lowest && value <= highest) return value;
  throw new OrderError(`\`${name}\` must be a number from ${lowest} to ${highest}.`);
}

/** As it came, but not so long that the sentence cannot be read. */
function show(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
