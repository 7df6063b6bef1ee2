/** A room over one answer without an end: a line of JSON each message, POST up. */

export function open({ room, fetch, heard, lost }) {
  const stop = new AbortController();
  async function listen() {
    const answer = await fetch(`poll?stream=1&room=${room}`, { signal: stop.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line !== '') heard([JSON.parse(line)], line);
    }
  }
  listen().then(
    () => lost(),
    () => lost(),
  );
  return {
    send: (message, session) =>
      fetch(`poll?session=${session}`, { method: 'POST', body: JSON.stringify(message) }),
    close: () => stop.abort(),
  };
}
