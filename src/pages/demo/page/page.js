/**
 * Wires the socket to the view: what the server says is shown, what is tapped is sent.
 *
 * The server's word on the own vote is final, with two exceptions, both when the line comes back:
 * a vote that was never confirmed, and one that the server no longer knows, are cast again. A
 * voter has one vote on the server, so casting it twice counts once.
 */

import { View } from './view.js';
import { Voter } from './voter.js';

const ANSWER_WAIT_MS = 5000;

const REFUSALS = {
  full: 'The poll is full: it takes no more voters.',
  'unknown choice': 'The server does not know this choice. Reload the page.',
  'no voter id': 'The server does not know who you are. Reload the page.',
};

const voter = new Voter();
const view = new View({ vote });
const socket = globalThis.io({ auth: { voter: voter.id } });
/** Whether the server's state of this connection has arrived. */
let live = false;

socket.on('connect', () => {
  view.transport(socket.io.engine.transport.name);
  view.node(nodeOf(socket.io.engine.id));
  socket.io.engine.once('upgrade', (transport) => view.transport(transport.name));
});
socket.on('state', (state) => {
  live = true;
  view.line('live');
  view.served(state.worker);
  view.clock(state.halfElapsedMs);
  view.totals(state.totals);
  reconcile(state.mine);
});
socket.on('totals', (totals) => view.totals(totals));
socket.on('mine', (choice) => {
  voter.choose(choice, false);
  view.mine(choice, false);
});
socket.on('message', (text) => view.announce(text));
socket.on('disconnect', (reason) => {
  lost();
  // The one reason after which the client does not try again by itself: a drain, or an operator.
  if (reason === 'io server disconnect') setTimeout(() => socket.connect(), 1000);
});
socket.on('connect_error', (error) => {
  lost();
  // A refusal by the app; the client tries again by itself in every other case.
  if (!socket.active) view.refuse(error.message);
});
addEventListener('offline', lost);
addEventListener('online', () => {
  if (!live) socket.connect();
});
view.mine(voter.choice, voter.pending);

function lost() {
  live = false;
  view.transport(null);
  view.node(null);
  if (navigator.onLine) view.line(view.counted ? 'reconnecting' : 'connecting');
  else view.line('offline');
}

/**
 * A session's id begins with the node that has it: three bytes, in base64url.
 * @param {string} sessionId
 * @returns {string} as logs and reports name the node, in six hexadecimal digits
 */
function nodeOf(sessionId) {
  const bytes = atob(sessionId.slice(0, 4).replaceAll('-', '+').replaceAll('_', '/'));
  return Array.from(bytes, (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** @param {string | null} confirmed the own vote as the server has it. */
function reconcile(confirmed) {
  if (voter.choice !== null && (voter.pending || confirmed === null)) {
    void send(voter.choice);
    return;
  }
  voter.choose(confirmed, false);
  view.mine(confirmed, false);
}

/** @param {string} choice */
function vote(choice) {
  if (choice === voter.choice && !voter.pending) return;
  voter.choose(choice, true);
  view.mine(choice, true);
  if (live) void send(choice);
}

/** @param {string} choice */
async function send(choice) {
  let answer;
  try {
    answer = await socket.timeout(ANSWER_WAIT_MS).emitWithAck('vote', choice);
  } catch {
    // No answer: the vote stays pending and is cast again when the line is back.
    return;
  }
  // Another choice was tapped meanwhile; its own answer follows.
  if (voter.choice !== choice) return;
  voter.choose(answer.counted ? choice : null, false);
  view.mine(voter.choice, false);
  if (!answer.counted) view.refuse(REFUSALS[answer.reason] ?? 'The vote was not counted.');
}
