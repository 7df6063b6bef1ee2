/**
 * A session over HTTP: messages come on one answer without an end (`sse`, `stream`) or with one
 * answer after the other (`polling`), and leave by POST, one at a time, several in a body.
 *
 * A poll that failed is sent again with the same position until the client has heard nothing for
 * too long. Its answer comes whole or counts as not come, and one that names the position which the
 * client asked from brings nothing new: so no message is handed out twice.
 */

import { GOODBYE, type Link, type LinkHost, type Loss, type Outgoing, PING } from './link.ts';
import { decode, type Incoming, type PollAnswer } from './wire.ts';

const NOT_FOUND = 404;
const PAYLOAD_TOO_LARGE = 413;
const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;

/** Browsers allow 64 KiB of UTF-8, of which a character takes up to three bytes. */
const KEPT_ALIVE_MAX_LENGTH = 20_000;

/** How long the last answer may take that nobody reads any more. */
const LAST_ANSWER_MS = 1_000;

export class HttpLink implements Link {
  readonly #host: LinkHost;
  readonly #url: string;
  readonly #credentials: 'include' | 'same-origin';
  readonly #abort: AbortController = new AbortController();
  /** Settles when nothing more is read. */
  readonly #running: Promise<void>;
  #session: string | undefined;
  /** Settles when the POSTs so far are answered. */
  #posting: Promise<unknown> = Promise.resolve();

  constructor(
    kind: 'sse' | 'stream' | 'polling',
    credentials: 'include' | 'same-origin',
    host: LinkHost,
  ) {
    this.#host = host;
    this.#credentials = credentials;
    this.#url = `${host.url}${kind === 'sse' ? 'sse' : 'poll'}?`;
    if (kind === 'stream') host.query.set('stream', '1');
    this.#running = this.#run(kind === 'polling').catch(this.#failed);
  }

  flush(): void {
    // What is emitted in one turn leaves in one body.
    this.#posting = this.#posting.then(() => this.#postAll()).catch(this.#failed);
  }

  ping(): void {
    this.#posting = this.#posting.then(() => this.#say([PING])).catch(this.#failed);
  }

  close(isPolite: boolean): void {
    const end = (): void => this.#abort.abort();
    if (!isPolite) return end();
    // The session ends with the answer that brings its messages: it goes on until all is said. A
    // poll that comes after the goodbye begins a session: the answer of the last one is awaited.
    this.#posting
      .then(() => this.#postAll())
      .then(() => this.#say([GOODBYE]))
      .then(() => Promise.race([this.#running, rest(LAST_ANSWER_MS, this.#abort.signal)]))
      .then(end, end);
  }

  readonly #failed = (error: unknown): void => this.#host.lost({ reason: String(error) });

  #request(query: string, body?: string): Promise<Response> {
    return fetch(this.#url + query, {
      method: body === undefined ? 'GET' : 'POST',
      cache: 'no-store',
      credentials: this.#credentials,
      signal: this.#abort.signal,
      // A page that is left still says what it had to say; browsers bound how much that may be.
      ...(body === undefined ? {} : { body, keepalive: body.length < KEPT_ALIVE_MAX_LENGTH }),
    });
  }

  async #run(isPolling: boolean): Promise<void> {
    const host = this.#host;
    const answer = await this.#request(host.query.toString(), host.opening);
    if (!answer.ok) return host.lost(await lossOf(answer));
    if (isPolling) return await this.#poll(answer);
    await this.#readLines(answer);
    host.lost({ reason: 'transport close' });
  }

  #receive(message: unknown): void {
    this.#session ??= (Object(message) as Incoming).session;
    this.#host.message(message);
  }

  /** Reads lines of JSON, as `data:` of Server-Sent Events or bare; other lines say nothing. */
  async #readLines({ body }: Response): Promise<void> {
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#host.heard();
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) {
        const json = line.replace(/^data: ?/, '');
        if (json.startsWith('{')) this.#receive(decode(json));
      }
    }
  }

  async #poll(first: Response): Promise<void> {
    const host = this.#host;
    let answer = first;
    let since: string | undefined;
    for (let failures = 0; !host.isOver; ) {
      try {
        if (since !== undefined) answer = await this.#request(`since=${encodeURIComponent(since)}`);
        // The session is over; whatever the refusal of this request was, a new one may be let in.
        if (!answer.ok) return host.lost({ ...(await lossOf(answer)), isFinal: false });
        const { session, position, messages } = decode(await answer.text()) as PollAnswer;
        this.#session ??= session;
        if (session !== this.#session) return await this.#leaveOther(session);
        failures = 0;
        host.heard();
        const isNew = position !== since;
        since = position;
        if (isNew) for (const message of messages) this.#receive(message);
      } catch (error) {
        if (since === undefined) throw error;
        await rest(host.delayMs(failures++), this.#abort.signal);
      }
    }
  }

  /** A poll has begun a session that knows nothing of who asks for it. */
  async #leaveOther(session: string): Promise<void> {
    this.#session = session;
    await this.#say([GOODBYE]).catch(() => {});
    this.#host.lost({ reason: 'sessionUnknown' });
  }

  async #postAll(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const batch = this.#host.take();
      if (batch.length === 0) return;
      await this.#say(
        batch.map(({ text }) => text),
        batch,
      );
    }
  }

  /** @param batch the messages among the lines that must not be lost */
  async #say(lines: readonly string[], batch: readonly Outgoing[] = []): Promise<void> {
    const answer = await this.#request(`session=${this.#session}`, lines.join('\n'));
    if (answer.ok) return;
    const { status } = answer;
    const loss = await lossOf(answer);
    if (status === NOT_FOUND || loss.retryMs !== undefined) this.#host.putBack(batch);
    else if (status < 500) return this.#host.refuse(batch, loss);
    this.#host.lost({ ...loss, isFinal: false });
  }
}

/** Resolves after a time, or at once when the signal comes. */
function rest(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Why an answer is a refusal. Only Holdfast itself can say so for good: proxies come and go. */
async function lossOf(answer: Response): Promise<Loss> {
  const { status, headers } = answer;
  const text = await answer.text();
  let said: Partial<Loss> & { readonly type?: string } = {};
  try {
    said = Object(decode(text));
  } catch {
    // The page of a proxy.
  }
  const isBusy = status === TOO_MANY_REQUESTS || status === UNAVAILABLE;
  return {
    reason: status === PAYLOAD_TOO_LARGE ? 'payloadTooLarge' : (said.reason ?? `HTTP ${status}`),
    message: said.message,
    data: said.data,
    retryMs: isBusy ? Number(headers.get('retry-after')) * 1000 || 0 : undefined,
    isFinal: said.type === 'error' && (!isBusy || said.reason === 'userSessions') && status < 500,
  };
}
