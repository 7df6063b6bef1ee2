/**
 * A client of the plain protocol as a page has it, without a library: a `WebSocket`, or an
 * `EventSource` that sends by `fetch`. The test calls what it finds in `window.participant`.
 */

globalThis.enter = async (kind, room) => {
  const heard = [];
  const waiting = new Map();
  let session = '';
  let lastId = 0;
  const entered = Promise.withResolvers();

  const take = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'event') heard.push([message.event, ...message.args]);
    if (message.type === 'ack') waiting.get(message.id)?.({ args: message.args });
    if (message.type === 'error') waiting.get(message.id)?.({ error: message.message });
    if (message.type === 'connect') {
      session = message.session;
      entered.resolve();
    }
  };

  const query = `room=${encodeURIComponent(room)}`;
  let post;
  if (kind === 'websocket') {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws?${query}`);
    socket.onmessage = take;
    post = (text) => socket.send(text);
  } else {
    const source = new EventSource(`/sse?${query}`);
    source.onmessage = take;
    post = (body) => fetch(`/sse?session=${session}`, { method: 'POST', body });
  }
  await entered.promise;

  globalThis.participant = {
    heard: () => heard,
    ask: (message) =>
      new Promise((resolve) => {
        lastId += 1;
        waiting.set(lastId, resolve);
        post(JSON.stringify({ ...message, id: lastId }));
      }),
  };
};
