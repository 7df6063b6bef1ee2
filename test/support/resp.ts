/**
 * One command to a Redis or Valkey over a connection of its own: RESP2, written here, so that tests
 * can look at a server by another way than the library that they test.
 */

import { within } from './raw-deadline.ts';

export type RespValue = string | number | null | readonly RespValue[];

export interface RespAddress {
  readonly port: number;
  /** Of the user `default`, when there is one. */
  readonly password?: string;
  readonly isTls: boolean;
}

/** What the server refuses. */
export class RespError extends Error {
  override readonly name: string = 'RespError';
}

/** Bytes come and go as Latin-1. Rejects with `RespError` when the server answers with an error. */
export async function askRedis(
  address: RespAddress,
  args: readonly (string | number)[],
  milliseconds?: number,
): Promise<RespValue> {
  const { password } = address;
  const commands = password === undefined ? [args] : [['AUTH', password], args];
  const { promise, resolve, reject } = Promise.withResolvers<RespValue>();
  let received = '';
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: address.port,
    tls: address.isTls ? { rejectUnauthorized: false } : false,
    socket: {
      open: (opened) => void opened.write(Buffer.from(commands.map(encoded).join(''), 'latin1')),
      data: (_socket, bytes) => {
        received += bytes.toString('latin1');
        const answer = lastOf(received, commands.length);
        if (answer instanceof RespError) reject(answer);
        else if (answer !== undefined) resolve(answer);
      },
      close: () => reject(new Error(`${args[0]}: the server closed the connection`)),
      error: (_socket, error) => reject(error),
    },
  });
  try {
    return await within(`Redis answers ${args[0]}`, promise, milliseconds);
  } finally {
    socket.end();
  }
}

function encoded(args: readonly (string | number)[]): string {
  const parts = args.map(String).map((text) => `$${text.length}\r\n${text}\r\n`);
  return `*${args.length}\r\n${parts.join('')}`;
}

/** The last of so many answers, or the first error; `undefined` while they are not all there. */
function lastOf(text: string, count: number): RespValue | RespError | undefined {
  const reader = { text, at: 0 };
  let value: RespValue | RespError | undefined;
  for (let left = count; left > 0; left--) {
    value = read(reader);
    if (value === undefined || value instanceof RespError) break;
  }
  return value;
}

function read(reader: { text: string; at: number }): RespValue | RespError | undefined {
  const end = reader.text.indexOf('\r\n', reader.at);
  if (end === -1) return undefined;
  const kind = reader.text[reader.at];
  const line = reader.text.slice(reader.at + 1, end);
  reader.at = end + 2;
  if (kind === '+') return line;
  if (kind === '-') return new RespError(line);
  const number = Number(line);
  if (kind === ':') return number;
  if (number < 0) return null;
  if (kind === '$') {
    const start = reader.at;
    reader.at += number + 2;
    if (reader.text.length < reader.at) return undefined;
    return reader.text.slice(start, start + number);
  }
  const values: RespValue[] = [];
  while (values.length < number) {
    const value = read(reader);
    if (value === undefined || value instanceof RespError) return value;
    values.push(value);
  }
  return values;
}
