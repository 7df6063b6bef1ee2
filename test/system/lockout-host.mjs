/**
 * Sessions that nobody is behind, in a Node.js process of their own: over a few sockets as fast as
 * those go, and kept with pongs; or a WebSocket each, opened anew once it is closed. Says `up` when
 * there were as many as wanted; ends when it is killed, or when its standard input ends.
 */

import { Agent, get, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [port, kind, wanted, addresses] = process.argv.slice(2);
const SOCKETS = 6;
const SOCKETS_ONLY = 'never join over WebSocket';
const PONG_MS = 300;
const REOPEN_MS = 200;
/** A hundred places are filled some two times a second, and the machine has time for others. */
const PAUSE_MS = 20;
const SOCKET_PAUSE_MS = 2;
/** Those that are kept with pongs, the youngest. */
const KEPT = 200;

const agents = addresses.split(',').map((localAddress) => {
  return new Agent({ keepAlive: true, maxSockets: SOCKETS, localAddress });
});
let opened = 0;
const count = () => {
  if (++opened === Number(wanted)) console.log('up');
};
const kept = [];

function ask(agent, sid, body) {
  const path = `/socket.io/?EIO=4&transport=polling${sid === undefined ? '' : `&sid=${sid}`}`;
  const options = { agent, host: '127.0.0.1', port, path };
  return new Promise((resolve) => {
    const take = (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      answer.on('end', () => resolve(text));
    };
    const sent =
      body === undefined
        ? get(options, take)
        : request({ ...options, method: 'POST' }, take).end(body);
    sent.on('error', () => resolve(''));
  });
}

async function handshake(agent) {
  return /"sid":"([^"]+)"/.exec(await ask(agent))?.[1];
}

/** A WebSocket that says nothing. */
function openSocket({ options: { localAddress } }) {
  return new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress });
    socket.write(
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n' +
        'Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
        'Sec-WebSocket-Version: 13\r\n\r\n',
    );
    socket.on('error', () => {});
    socket.once('data', count);
    socket.once('close', () => setTimeout(resolve, REOPEN_MS));
  });
}

const KINDS = {
  'never poll': async (agent) => {
    const sid = await handshake(agent);
    if (sid !== undefined) await ask(agent, sid, '40');
    return sid;
  },
  'never poll as users': async (agent) => {
    const sid = await handshake(agent);
    if (sid !== undefined) await ask(agent, sid, `40{"user":"${Math.random()}"}`);
    return sid;
  },
  'poll a few times': async (agent) => {
    const sid = await handshake(agent);
    if (sid === undefined) return undefined;
    await ask(agent, sid, '40');
    await ask(agent, sid);
    for (let time = 0; time < 3; time++) {
      await ask(agent, sid, '420["honest:ack",1]');
      await ask(agent, sid);
    }
    return sid;
  },
  'never join': handshake,
  'poll once': async (agent) => {
    const sid = await handshake(agent);
    if (sid === undefined) return undefined;
    await ask(agent, sid, '40');
    await ask(agent, sid);
    return sid;
  },
  'are refused': async (agent) => {
    const sid = await handshake(agent);
    if (sid === undefined) return undefined;
    await ask(agent, sid, '40{"refuse":true}');
    await ask(agent, sid);
    return sid;
  },
  [SOCKETS_ONLY]: openSocket,
};

async function openForGood(agent) {
  for (;;) {
    const sid = await KINDS[kind](agent);
    if (typeof sid === 'string') kept.push({ agent, sid });
    if (kept.length > KEPT) kept.shift();
    if (kind !== SOCKETS_ONLY) count();
    await sleep(PAUSE_MS * Math.max(1, agents.length / SOCKETS));
  }
}

for (const agent of agents) {
  const sockets = kind === SOCKETS_ONLY ? Number(wanted) : SOCKETS;
  for (let at = 0; at < Math.max(1, sockets / agents.length); at++) {
    void openForGood(agent);
    await sleep(SOCKET_PAUSE_MS);
  }
}
setInterval(() => {
  for (const { agent, sid } of kept) void ask(agent, sid, '3');
}, PONG_MS);
process.stdin.on('end', () => process.exit(0)).resume();
