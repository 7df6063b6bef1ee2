/**
 * Lean connections of each kind, which are cut and come back: just what the protocols need of them.
 * A link is told messages as text and says what its server said of them.
 */

import type { Socket } from 'bun';

export type LinkKind = 'socket-io' | 'websocket' | 'sse' | 'stream' | 'polling';

export interface LinkEvents {
  /** @param recovered what the server says of a client that comes back */
  onOpen(recovered: boolean): void;
  onMessage(number: number, saidAtMs: number): void;
  /** The connection ended, or none came about; not called after `cut`. */
  onLost(): void;
}

export interface Link {
  /** Breaks it off, without a word. */
  cut(): void;
}

/** What a client has to come back with, kept over its links. */
export interface Place {
  position: string;
  pid: string;
}

export const ROOM = 'match:1';
export const EVENT = 'n';

export function openLink(
  kind: LinkKind,
  host: { readonly hostname: string; readonly port: number },
  place: Place,
  events: LinkEvents,
): Link {
  const { hostname, port } = host;
  const url = `ws://${hostname}:${port}`;
  const since = place.position === '' ? '' : `&since=${encodeURIComponent(place.position)}`;
  switch (kind) {
    case 'socket-io':
      return new SocketIoLink(`${url}/socket.io/?EIO=4&transport=websocket`, place, events);
    case 'websocket':
      return new PlainSocketLink(`${url}/ws?room=${ROOM}${since}`, place, events);
    case 'sse': {
      const last = place.position === '' ? '' : `Last-Event-ID: ${place.position}\r\n`;
      return new HttpLink(host, `/sse?room=${ROOM}`, last, place, events);
    }
    case 'stream':
      return new HttpLink(host, `/poll?room=${ROOM}&stream=1${since}`, '', place, events);
    case 'polling':
      return new PollLink(host, place, events);
  }
}

abstract class SocketLink implements Link {
  protected readonly place: Place;
  protected readonly events: LinkEvents;
  protected readonly socket: WebSocket;
  #isCut = false;

  constructor(url: string, place: Place, events: LinkEvents) {
    this.place = place;
    this.events = events;
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => this.take(String(data));
    this.socket.onerror = () => {};
    this.socket.onclose = () => {
      if (!this.#isCut) events.onLost();
    };
  }

  protected abstract take(text: string): void;

  cut(): void {
    this.#isCut = true;
    this.socket.terminate();
  }
}

/** Engine.IO 4 and Socket.IO 5 over a WebSocket, with connection state recovery. */
class SocketIoLink extends SocketLink {
  protected take(text: string): void {
    if (text === '2') this.socket.send('3');
    else if (text.startsWith('0')) {
      const { pid, position } = this.place;
      this.socket.send(`40${pid === '' ? '{}' : JSON.stringify({ pid, offset: position })}`);
    } else if (text.startsWith('40')) {
      const { pid = '' } = JSON.parse(text.slice(2)) as { pid?: string };
      const isSame = this.place.pid === pid;
      this.place.pid = pid;
      this.events.onOpen(isSame);
    } else if (text.startsWith('42')) {
      const values = JSON.parse(text.slice(2)) as unknown[];
      const last = values.at(-1);
      if (typeof last === 'string') this.place.position = last;
      if (values[0] === EVENT) this.events.onMessage(values[1] as number, values[2] as number);
    }
  }
}

interface Said {
  readonly type: string;
  readonly event?: string;
  readonly args?: readonly number[];
  readonly position?: string;
  readonly recovered?: boolean;
}

function takeSaid(text: string, place: Place, events: LinkEvents): void {
  const said = JSON.parse(text) as Said;
  if (said.position !== undefined) place.position = said.position;
  if (said.type === 'connect') events.onOpen(said.recovered === true);
  else if (said.event === EVENT) {
    events.onMessage(said.args?.[0] as number, said.args?.[1] as number);
  }
}

class PlainSocketLink extends SocketLink {
  protected take(text: string): void {
    takeSaid(text, this.place, this.events);
  }
}

/** A stream: lines of JSON, as `data:` or bare; what frames them is passed over. */
class HttpLink implements Link {
  #socket: Socket | undefined;
  #isCut = false;
  #rest = '';

  constructor(
    { hostname, port }: { readonly hostname: string; readonly port: number },
    target: string,
    headers: string,
    place: Place,
    events: LinkEvents,
  ) {
    const lost = (): void => {
      if (!this.#isCut) events.onLost();
    };
    const take = (chunk: Buffer): void => {
      const lines = (this.#rest + chunk.toString('latin1')).split('\n');
      this.#rest = lines.pop() as string;
      for (const line of lines) {
        const at = line.indexOf('{"type"');
        if (at === 0 || at === 'data: '.length) takeSaid(line.slice(at), place, events);
      }
    };
    void Bun.connect({
      hostname,
      port,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#isCut) socket.terminate();
          else socket.write(`GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\n${headers}\r\n`);
        },
        data: (_socket, chunk) => take(chunk),
        close: lost,
        error: () => {},
      },
    }).catch(lost);
  }

  cut(): void {
    this.#isCut = true;
    this.#socket?.terminate();
  }
}

/** Polls, one after the other; the position of each answer is the place of the next. */
class PollLink implements Link {
  readonly #abort: AbortController = new AbortController();

  constructor(
    { hostname, port }: { readonly hostname: string; readonly port: number },
    place: Place,
    events: LinkEvents,
  ) {
    void this.#run(`http://${hostname}:${port}/poll?room=${ROOM}`, place, events);
  }

  async #run(url: string, place: Place, events: LinkEvents): Promise<void> {
    const { signal } = this.#abort;
    try {
      while (!signal.aborted) {
        const since = place.position === '' ? '' : `&since=${encodeURIComponent(place.position)}`;
        const answer = await fetch(url + since, { signal });
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        const said = (await answer.json()) as { position: string; messages: readonly Said[] };
        for (const message of said.messages) takeSaid(JSON.stringify(message), place, events);
        place.position = said.position;
      }
    } catch {
      if (!signal.aborted) events.onLost();
    }
  }

  cut(): void {
    this.#abort.abort();
  }
}
