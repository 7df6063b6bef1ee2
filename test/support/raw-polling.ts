/**
 * An Engine.IO session over HTTP long-polling, request by request, for the protocol tests.
 *
 * With `freshConnections` every request opens a new TCP connection, so behind several workers any
 * of them may get it. POST requests queue behind each other, as the protocol demands of a client;
 * a test that wants two at once sends them itself.
 */

import { ANSWER_TIMEOUT_MS, within } from './raw-deadline.ts';
import { type EngineHandshake, type Frame, parseOpenPacket } from './raw-websocket.ts';

export const PACKET_SEPARATOR = '\x1e';

/** A server under test, as far as a client needs to know it. */
export interface Endpoint {
  readonly url: string;
  readonly freshConnections: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** One HTTP request to the Engine.IO path, answered or refused within a bound. */
export async function request(
  endpoint: Endpoint,
  query: string,
  init: RequestInit = {},
  milliseconds: number = ANSWER_TIMEOUT_MS,
): Promise<Answer> {
  const response = await within(
    `an answer to ${init.method ?? 'GET'} ?${query.slice(0, 120)}`,
    fetch(`${endpoint.url}/socket.io/?${query}`, {
      ...init,
      keepalive: !endpoint.freshConnections,
    }),
    milliseconds,
  );
  return { status: response.status, body: await response.text(), headers: response.headers };
}

/** The error object of a refused request; fails when the body is not one. */
export function errorOf(answer: Answer): { code: number; message: string } {
  return JSON.parse(answer.body) as { code: number; message: string };
}

/** The POST body for these packets; bytes become base64 behind a `b`. */
export function encodePayload(packets: readonly Frame[]): string {
  return packets
    .map((packet) =>
      typeof packet === 'string' ? packet : `b${Buffer.from(packet).toString('base64')}`,
    )
    .join(PACKET_SEPARATOR);
}

/** The packets of a poll's body; base64 becomes bytes. */
export function decodePayload(body: string): Frame[] {
  return body
    .split(PACKET_SEPARATOR)
    .map((packet) =>
      packet.startsWith('b') ? new Uint8Array(Buffer.from(packet.slice(1), 'base64')) : packet,
    );
}

export class RawPolling {
  readonly endpoint: Endpoint;
  readonly handshake: EngineHandshake;
  readonly #received: Frame[] = [];
  #posting: Promise<unknown> = Promise.resolve();

  private constructor(endpoint: Endpoint, handshake: EngineHandshake, rest: readonly Frame[]) {
    this.endpoint = endpoint;
    this.handshake = handshake;
    this.#received.push(...rest);
  }

  static async open(
    endpoint: Endpoint,
    headers: Record<string, string> = {},
    moreQuery = '',
  ): Promise<RawPolling> {
    const more = moreQuery === '' ? '' : `&${moreQuery}`;
    const answer = await request(endpoint, `EIO=4&transport=polling${more}`, { headers });
    if (answer.status !== 200) {
      throw new Error(`handshake refused: ${answer.status} ${answer.body}`);
    }
    const [first, ...rest] = decodePayload(answer.body);
    return new RawPolling(endpoint, parseOpenPacket(String(first)), rest);
  }

  get sid(): string {
    return this.handshake.sid;
  }

  get query(): string {
    return `EIO=4&transport=polling&sid=${this.sid}`;
  }

  /** One GET, whatever comes of it. */
  async get(milliseconds?: number): Promise<Answer> {
    return await request(this.endpoint, this.query, {}, milliseconds);
  }

  /** One POST with a body as it is, behind the POSTs that are under way. */
  async postBody(body: string, headers: Record<string, string> = {}): Promise<Answer> {
    const turn = this.#posting.then(() =>
      request(this.endpoint, this.query, { method: 'POST', body, headers }),
    );
    this.#posting = turn.catch(() => undefined);
    return await turn;
  }

  /** Sends packets that the server must take. */
  async post(...packets: readonly Frame[]): Promise<void> {
    const answer = await this.postBody(encodePayload(packets));
    if (answer.status !== 200 || answer.body !== 'ok') {
      throw new Error(`POST answered ${answer.status} ${answer.body}`);
    }
  }

  /** The next packet that is no ping, polling as often as it takes and answering pings. */
  async next(what = 'a packet'): Promise<Frame> {
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    for (;;) {
      const packet = this.#received.shift();
      if (packet !== undefined) {
        return packet;
      }
      if (performance.now() > deadline) {
        throw new Error(`not within ${ANSWER_TIMEOUT_MS} ms: ${what}`);
      }
      const answer = await this.get();
      if (answer.status !== 200) {
        throw new Error(`${what}: poll answered ${answer.status} ${answer.body}`);
      }
      await this.#take(answer.body);
    }
  }

  /** Polls until the session is gone; fails when it lives on. */
  async end(milliseconds: number = ANSWER_TIMEOUT_MS): Promise<Answer> {
    const deadline = performance.now() + milliseconds;
    while (performance.now() < deadline) {
      const answer = await this.get(milliseconds);
      if (answer.status !== 200) {
        return answer;
      }
      await this.#take(answer.body).catch(() => undefined);
    }
    throw new Error(`the session did not end within ${milliseconds} ms`);
  }

  async #take(body: string): Promise<void> {
    const packets = decodePayload(body);
    this.#received.push(...packets.filter((packet) => packet !== '2'));
    if (packets.includes('2')) {
      await this.post('3');
    }
  }
}
