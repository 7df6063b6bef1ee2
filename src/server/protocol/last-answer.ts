/**
 * The last answer on a connection, which says so: `Connection: close`.
 *
 * Bun ends a connection when its client asks for that, and does not say so in the answer. Clients
 * that go by the answer then send their next request into a connection that is about to be gone:
 * `node-fetch` on Node.js does, for every other one.
 *
 * Source: RFC 9112, section 9.6.
 */

const CLOSE = /(?:^|,)\s*close\s*(?:,|$)/i;

/** Whether the client wants the connection to end with the answer to this request. */
export function asksForLastAnswer(request: Request): boolean {
  const options = request.headers.get('connection');
  return options !== null && CLOSE.test(options);
}

/** Says in an answer that it is the last; Bun then ends the connection. */
export function lastAnswer<T extends Response | undefined>(answer: T): T {
  answer?.headers.set('connection', 'close');
  return answer;
}
