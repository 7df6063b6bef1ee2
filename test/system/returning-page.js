/**
 * Clients in a page that come back by what the platform has: an `EventSource` by itself, a
 * `WebSocket` by the position of the last event. The test reads `window.heard`.
 */

globalThis.enter = async (kind, room) => {
  globalThis.heard = [];
  globalThis.unrecovered = 0;
  let since = '';
  const entered = Promise.withResolvers();

  const take = ({ data }) => {
    const message = JSON.parse(data);
    since = message.position ?? since;
    if (message.type === 'event') globalThis.heard.push(message.args[0]);
    if (message.type !== 'connect') return;
    if (globalThis.heard.length > 0 && !message.recovered) globalThis.unrecovered++;
    entered.resolve();
  };

  const query = `room=${encodeURIComponent(room)}`;
  const open = () => {
    const back = since === '' ? '' : `&since=${since}`;
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws?${query}${back}`);
    socket.onmessage = take;
    socket.onclose = () => setTimeout(open, 50 + Math.random() * 200);
  };
  if (kind === 'websocket') open();
  else {
    const source = new EventSource(`/sse?${query}`);
    source.onmessage = take;
  }
  await entered.promise;
};
