/** A room over long-polling: the server holds each request until there is news. */

export function open({ room, fetch, heard, lost }) {
  const stop = new AbortController();
  async function poll() {
    let since = '';
    for (;;) {
      const answer = await fetch(`poll?room=${room}${since}`, { signal: stop.signal });
      const text = await answer.text();
      const { messages, position } = JSON.parse(text);
      since = `&since=${position}`;
      heard(messages, text, answer);
    }
  }
  poll().catch(() => lost());
  return {
    send: (message, session) =>
      fetch(`poll?session=${session}`, { method: 'POST', body: JSON.stringify(message) }),
    close: () => stop.abort(),
  };
}
