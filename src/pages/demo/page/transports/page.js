/**
 * Puts five clients into one room, side by side, and shows what each is told.
 *
 * What each runs on is in the module of its name; the panel shows that module.
 */

import { Clock } from './clock.js';
import { Panel } from './panel.js';
import { PanelView } from './panel-view.js';
import * as polling from './polling.js';
import { RoomView } from './room-view.js';
import * as socketIo from './socket-io.js';
import * as sse from './sse.js';
import * as stream from './stream.js';
import * as websocket from './websocket.js';
import { askHeadBytes } from './wire.js';

const ROOM = 'terrace';
/** Where the browser's own requests for Socket.IO go. */
const SOCKET_IO_PATH = '/socket.io/';
const OPERATOR_TEXT_MAX = 120;

/** `requests`: those that opening it makes without `fetch`. */
const KINDS = [
  {
    name: 'socket-io',
    title: 'Socket.IO',
    means: 'its own client',
    open: socketIo.open,
    requests: 0,
  },
  {
    name: 'websocket',
    title: 'WebSocket',
    means: 'new WebSocket(…)',
    open: websocket.open,
    requests: 1,
  },
  { name: 'sse', title: 'EventSource', means: 'new EventSource(…)', open: sse.open, requests: 1 },
  { name: 'stream', title: 'Stream', means: 'fetch(…), read on', open: stream.open, requests: 0 },
  {
    name: 'polling',
    title: 'Long-poll',
    means: 'fetch(…), again and again',
    open: polling.open,
    requests: 0,
  },
];

const clock = new Clock();
const room = new RoomView(KINDS);
const panels = KINDS.map((kind) => {
  const view = new PanelView(kind.name, kind.title, kind.means);
  return new Panel({ ...kind, room: ROOM, view }, { said, answered });
});

const target = `${location.origin}/poll?stream=1&room=${ROOM}`;
document.getElementById('command').textContent = `curl -N '${target}'`;
countRequestsOfSocketIo();
document.addEventListener('visibilitychange', follow);
// Without it, what requests weigh is left out.
askHeadBytes().then(
  (bytes) => {
    for (const panel of panels) panel.headBytes = bytes;
  },
  () => {},
);
follow();

function follow() {
  for (const panel of panels) {
    if (document.hidden) panel.stop();
    else panel.start();
  }
}

/**
 * A panel has heard something.
 *
 * @param {string} event `comment` of the app, or `message` of the operator
 * @param {unknown} value
 * @param {Panel} panel
 * @param {number} atMs
 * @returns {{ text: string, lateness: string }} what the panel is to show
 */
function said(event, value, panel, atMs) {
  const { id, text, sentMs } =
    event === 'comment' ? readComment(value) : { text: readOperator(value) };
  const afterMs = room.heard({ id, text }, panel.name, atMs);
  const after = afterMs === 0 ? 'heard first' : `${afterMs.toFixed(1)} ms after the first`;
  const isTimed = sentMs !== undefined && clock.errorMs !== Number.POSITIVE_INFINITY;
  return { text, lateness: isTimed ? `${inMs(clock.lateness(sentMs, atMs))}, ${after}` : after };
}

function readComment({ id, atMs, text, by }) {
  if (by === undefined) return { id, text, sentMs: atMs };
  const kind = KINDS[panels.findIndex((panel) => panel.id === by)];
  return { id, text: `A shout from ${kind?.title ?? 'another page'}.`, sentMs: atMs };
}

function readOperator(value) {
  const text = typeof value === 'string' ? value.trim().slice(0, OPERATOR_TEXT_MAX) : '';
  return text === '' ? 'The operator sent something.' : `Operator: ${text}`;
}

function inMs(milliseconds) {
  return milliseconds < 1 ? 'under 1 ms' : `${Math.round(milliseconds)} ms`;
}

function answered(askedMs, answeredMs, serverMs) {
  clock.learn(askedMs, answeredMs, serverMs);
  document.getElementById('error').textContent = `${clock.errorMs.toFixed(1)} ms`;
}

/** The browser lists requests once they are answered, also those that Socket.IO's client makes. */
function countRequestsOfSocketIo() {
  const [panel] = panels;
  const observer = new PerformanceObserver((list) => {
    const requests = list.getEntries().filter(({ name, initiatorType }) => {
      return initiatorType === 'xmlhttprequest' && new URL(name).pathname === SOCKET_IO_PATH;
    });
    if (requests.length > 0) panel.countRequests(requests.length);
  });
  observer.observe({ type: 'resource', buffered: true });
}
