/**
 * The same app on the reference implementation, run by Node.js: it shows that the protocol tests
 * ask for what the protocol's own server does. Started with PROTOCOL_TARGET=reference.
 */

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const settings = JSON.parse(process.argv[2]);
const { corsOrigins } = settings;
const httpServer = createServer();
const io = new Server(httpServer, {
  pingInterval: settings.pingIntervalMs,
  pingTimeout: settings.pingTimeoutMs,
  upgradeTimeout: settings.upgradeTimeoutMs,
  connectTimeout: settings.connectTimeoutMs,
  maxHttpBufferSize: settings.maxPayloadBytes,
  cors: { origin: corsOrigins, credentials: true },
  // The reference refuses no origin by itself; Holdfast does, so the same rule is set here.
  allowRequest: ({ headers: { origin, host } }, answer) =>
    answer(null, !origin || corsOrigins.includes(origin) || origin === `http://${host}`),
});

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function ask(socket, args) {
  try {
    socket.emit('answered', await socket.timeout(400).emitWithAck('question', ...args));
  } catch {
    socket.emit('unanswered');
  }
}

async function tick(socket, total, everyMs) {
  for (let number = 0; number < total; number += 1) {
    socket.emit('number', number);
    await pause(everyMs);
  }
}

/** Answers with the values that `values` gives, when the client asked for an ack. */
function answer(socket, event, values) {
  socket.on(event, async (...args) => {
    const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    ack?.(...(await values(...args)));
  });
}

function serve(socket) {
  socket.emit('auth', socket.handshake.auth);
  socket.on('disconnect', (reason) => io.to('watchers').emit('gone', socket.id, reason));
  socket.on('message', (...args) => socket.emit('message-back', ...args));
  answer(socket, 'message-with-ack', (...args) => args);
  answer(socket, 'first-value', (value) => [value]);
  answer(socket, 'nothing', () => []);
  answer(socket, 'after-a-while', (value) => pause(20).then(() => [value]));
  socket.on('ask', (...args) => ask(socket, args));
  socket.on('tick', (total, everyMs) => tick(socket, total, everyMs));
  socket.on('count', (total) => {
    for (let number = 0; number < total; number += 1) {
      socket.emit('number', number);
    }
  });
  answer(socket, 'watch', () => {
    socket.join('watchers');
    return [];
  });
  answer(socket, 'join-room', (room) => {
    socket.join(room);
    return [room];
  });
  socket.on('tell-room', (room, ...args) => socket.nsp.in(room).emit('told', ...args));
  socket.on('leave-me', () => socket.disconnect());
  socket.on('close-me', () => socket.disconnect(true));
  socket.on('kick', (close) => {
    socket.emit('bye', Buffer.from([1, 2]));
    socket.disconnect(close);
  });
}

io.on('connection', serve);
io.of('/custom').on('connection', serve);
io.of('/slow')
  .use((_socket, next) => setTimeout(next, 50))
  .on('connection', serve);
io.of('/refused').use((_socket, next) => next(new Error('not today')));

httpServer.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ publicPort: httpServer.address().port })}\n`);
});
process.on('SIGTERM', () => void io.close(() => process.exit(0)));
