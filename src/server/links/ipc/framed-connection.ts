/**
 * One end of a socket between two processes, as a stream of frames: a Unix socket within a node,
 * TCP between nodes (`links/nodes/`).
 *
 * Frames written within one turn of the event loop leave in one system call. What the peer does not
 * take waits in a queue; its owner looks at `queuedBytes` and decides what to do with more, since
 * only it knows what may be dropped.
 */

import type { Socket } from 'bun';
import { type FrameReader, FrameSplitter, FrameWriter } from '../../protocol/frame.ts';

export interface FramedConnectionEvents {
  /** A frame arrived. What this throws is handed to `onFault`, and the next frame follows. */
  onFrame(connection: FramedConnection, frame: FrameReader): void;
  /** Taking a frame failed. */
  onFault(connection: FramedConnection, fault: unknown): void;
  /** The connection ended, once; `fault` is what broke it, when it did not just end. */
  onClose(connection: FramedConnection, fault: Error | undefined): void;
  /** The queue has emptied after it had not. */
  onDrain?(connection: FramedConnection): void;
}

/** Who has a socket: a connection of frames, or what decides whether it becomes one. */
export interface SocketHolder {
  /** Set by the socket's handler: an error of the system. */
  fault: Error | undefined;
  receive(chunk: Buffer): void;
  drained(): void;
  /** The socket is closed. */
  detach(): void;
}

export class FramedConnection implements SocketHolder {
  fault: Error | undefined;
  readonly #events: FramedConnectionEvents;
  readonly #splitter: FrameSplitter;
  readonly #writer: FrameWriter;
  readonly #queue: Uint8Array[] = [];
  #socket: Socket<SocketHolder> | undefined;
  #headWritten = 0;
  #queuedBytes = 0;
  #sentBytes = 0;
  #receivedBytes = 0;
  #flushScheduled = false;
  #isClosed = false;
  #isClosing = false;

  constructor(events: FramedConnectionEvents, maxFrameBytes: number) {
    this.#events = events;
    this.#splitter = new FrameSplitter(maxFrameBytes);
    this.#writer = new FrameWriter(maxFrameBytes);
  }

  /** Bytes that wait for the peer, frames of this turn included. */
  get queuedBytes(): number {
    return this.#queuedBytes + this.#writer.length;
  }

  /** Bytes that the system has taken since the start: who takes nothing for long stands still. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Bytes that came since the start: a peer from which none come may be gone. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Bytes that were said in earlier turns, since the start: the system has them, or they wait. */
  get flushedBytes(): number {
    return this.#sentBytes + this.#queuedBytes;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  /** Starts a frame; fill it, `finish()` it (which throws when it is too long), then `send()`. */
  frame(type: number): FrameWriter {
    return this.#writer.begin(type);
  }

  /** Sends the finished frames at the end of this turn; they are forgotten after the end. */
  send(): void {
    if (this.#isClosed) this.#writer.clear();
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(this.flush);
  }

  /** Stops and resumes reading: the way to slow a peer down. */
  setReading(reading: boolean): void {
    if (reading) this.#socket?.resume();
    else this.#socket?.pause();
  }

  /** Sends what waits, as far as the peer takes it, and closes, now or once it is connected. */
  close(): void {
    this.#isClosing = true;
    this.flush();
    this.#socket?.end();
  }

  /** Ends it at once; what waits for the peer is forgotten. */
  cut(fault: Error): void {
    this.fault = fault;
    this.#socket?.terminate();
  }

  /** Sends the finished frames now. */
  readonly flush = (): void => {
    this.#flushScheduled = false;
    this.#writeQueue();
    if (this.#writer.length === 0) return;
    const written = this.#queue.length === 0 ? this.#write(this.#writer.view()) : 0;
    // Mostly the system takes all at once, and the writer's buffer can be used again.
    if (written === this.#writer.length) {
      this.#writer.clear();
      return;
    }
    const chunk = this.#writer.take().subarray(written);
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.byteLength;
  };

  /** @returns how many bytes the system took */
  #write(bytes: Uint8Array): number {
    const written = Math.max(0, this.#socket?.write(bytes) ?? 0);
    this.#sentBytes += written;
    return written;
  }

  #writeQueue(): void {
    while (true) {
      const head = this.#queue[0];
      if (head === undefined) return;
      const written = this.#write(head.subarray(this.#headWritten));
      this.#headWritten += written;
      this.#queuedBytes -= written;
      if (this.#headWritten < head.byteLength) return;
      this.#queue.shift();
      this.#headWritten = 0;
    }
  }

  /** Takes over a socket that is open. */
  attach(socket: Socket<SocketHolder>): void {
    this.#socket = socket;
    this.flush();
    if (this.#isClosing) socket.end();
  }

  /** Called by `framedSocketHandler` only. */
  receive(chunk: Buffer): void {
    this.#receivedBytes += chunk.byteLength;
    const ok = this.#splitter.push(chunk, this.#take);
    if (!ok) this.cut(new RangeError('a frame announced more bytes than allowed'));
  }

  readonly #take = (frame: FrameReader): void => {
    try {
      this.#events.onFrame(this, frame);
    } catch (fault) {
      this.#events.onFault(this, fault);
    }
  };

  /** Called by `framedSocketHandler` only. */
  drained(): void {
    this.#writeQueue();
    if (this.#queue.length === 0) this.#events.onDrain?.(this);
  }

  /** Called by `framedSocketHandler` only. */
  detach(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket = undefined;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.#writer.clear();
    this.#events.onClose(this, this.fault);
  }
}

/** Callbacks for `Bun.connect` and `Bun.listen`, whose sockets carry their holder as data. */
export const framedSocketHandler = {
  data(socket: Socket<SocketHolder>, chunk: Buffer): void {
    socket.data.receive(chunk);
  },
  drain(socket: Socket<SocketHolder>): void {
    socket.data.drained();
  },
  close(socket: Socket<SocketHolder>): void {
    socket.data.detach();
  },
  error(socket: Socket<SocketHolder>, error: Error): void {
    socket.data.fault = error;
    socket.terminate();
  },
} as const;

/**
 * Listens on a Unix socket.
 *
 * @param accept makes the connection for each peer that comes
 * @returns a function that stops listening
 */
export function listenFramed(path: string, accept: () => FramedConnection): () => void {
  const server = Bun.listen<FramedConnection>({
    unix: path,
    socket: {
      ...framedSocketHandler,
      open(socket) {
        socket.data = accept();
        socket.data.attach(socket);
      },
    },
  });
  return () => server.stop();
}

/** Takes over an end of a socket pair that the process was given when it was started. */
export async function adoptFramed(fd: number, connection: FramedConnection): Promise<void> {
  const options: Bun.FdSocketOptions<FramedConnection> = {
    fd,
    data: connection,
    socket: {
      ...framedSocketHandler,
      open(socket) {
        connection.attach(socket);
      },
    },
  };
  // Bun's types have the form, but leave it out where it is taken.
  await Bun.connect<FramedConnection>(options as never);
}

/** Connects to a Unix socket; rejects when nobody listens there. */
export async function connectFramed(path: string, connection: FramedConnection): Promise<void> {
  await Bun.connect<FramedConnection>({
    unix: path,
    data: connection,
    socket: {
      ...framedSocketHandler,
      open(socket) {
        connection.attach(socket);
      },
    },
  });
}
