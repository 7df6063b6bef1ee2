/**
 * Another room of the node, which has nothing to do with the one that is measured: how long what is
 * said there takes to its members tells whether the node is moved.
 */

const MEMBERS = 50;
const EVERY_MS = 50;
const ROOM = 'other';

export interface Latency {
  readonly deliveries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class OtherRoom implements Disposable {
  readonly #sockets: WebSocket[] = [];
  #timer: Timer | undefined;
  #times: number[] = [];

  /** @param url of the node, such as `ws://127.0.0.1:8500` */
  async open(url: string): Promise<void> {
    const ready = Array.from({ length: MEMBERS + 1 }, (_, at) => this.#enter(url, at));
    const [speaker] = await Promise.all(ready);
    this.#timer = setInterval(() => {
      const args = [performance.now()];
      speaker?.send(JSON.stringify({ type: 'publish', room: ROOM, event: 'tick', args }));
    }, EVERY_MS);
  }

  /** What was measured since the last call. */
  take(): Latency {
    const times = this.#times.toSorted((a, b) => a - b);
    this.#times = [];
    const at = (part: number): number => round(times[Math.floor(times.length * part)] ?? 0);
    return { deliveries: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1 - 1e-9) };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.close();
  }

  #enter(url: string, number: number): Promise<WebSocket> {
    const auth = encodeURIComponent(JSON.stringify({ user: `other-${number}` }));
    const socket = new WebSocket(`${url}/ws?room=${ROOM}&auth=${auth}`);
    this.#sockets.push(socket);
    const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
    socket.addEventListener('error', () => reject(new Error('a member of the other room is lost')));
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as { type: string; event?: string; args?: number[] };
      if (message.type === 'connect') resolve(socket);
      else if (message.event === 'tick') {
        this.#times.push(performance.now() - (message.args?.[0] ?? 0));
      }
    });
    return promise;
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}
