/** A session over a WebSocket: each frame is a message. */

import type { SocketLike } from './contract.ts';
import { GOODBYE, type Link, type LinkHost, PING } from './link.ts';
import { decode } from './wire.ts';

/** What waits beyond this stays in the client's own queue, which is bounded. */
const BUFFERED_MAX_BYTES = 1_000_000;
const DRAIN_CHECK_MS = 50;

const OPEN = 1;

/** @throws Error when the runtime refuses the URL, such as `ws:` from a page of `https:` */
export function openWebSocket(Socket: new (url: string) => SocketLike, host: LinkHost): Link {
  if (host.opening !== undefined) host.query.set('auth', 'message');
  const socket = new Socket(`${host.url.replace(/^http/, 'ws')}ws?${host.query.toString()}`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => {
    if (host.opening !== undefined) socket.send(host.opening);
  };
  socket.onmessage = ({ data }: { readonly data: string | ArrayBuffer }) => {
    host.heard();
    let message: unknown;
    try {
      message =
        typeof data === 'string'
          ? decode(data)
          : { type: 'event', event: 'binary', args: [new Uint8Array(data)] };
    } catch {
      return host.lost({ reason: 'parse error' });
    }
    host.message(message);
  };
  // Why a socket failed is kept from pages; whoever listens to `close` hears of it, too.
  socket.onerror = () => {};
  socket.onclose = ({ reason }: { readonly reason: string }) => {
    host.lost({ reason: reason || 'transport close' });
  };
  const flush = (): void => {
    clearTimeout(timer);
    // One that is closing would swallow them; the next connection does not.
    if (socket.readyState !== OPEN) return;
    while (socket.bufferedAmount < BUFFERED_MAX_BYTES) {
      const messages = host.take();
      if (messages.length === 0) return;
      for (const { text } of messages) socket.send(text);
    }
    timer = setTimeout(flush, DRAIN_CHECK_MS);
  };
  return {
    flush,
    ping: () => socket.send(PING),
    close(isPolite) {
      clearTimeout(timer);
      socket.onmessage = null;
      socket.onclose = null;
      if (isPolite && socket.readyState === OPEN) {
        for (const { text } of host.take()) socket.send(text);
        socket.send(GOODBYE);
      }
      socket.close(1000);
    },
  };
}
