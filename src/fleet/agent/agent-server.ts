/** The HTTP API of an agent; contract.ts says what it answers. */

import { bearerCheck } from '../../host/access/token.ts';
import { parsed } from '../../host/foreign/parsed.ts';
import type { Agent } from './agent.ts';
import { OrderError, readOrder } from './read-order.ts';

/** An order names a few hundred addresses at most. */
const BODY_BYTES_MAX = 1_048_576;
/** Beyond this Bun refuses by itself, with 413 and no word. */
const BODY_BYTES_READ = 16_777_216;

export interface AgentServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly token: string;
}

/** @throws Error of the system when the port cannot be taken */
export function serveAgent(agent: Agent, options: AgentServerOptions): Bun.Server<undefined> {
  const isPresented = bearerCheck(options.token);
  return Bun.serve({
    hostname: options.host,
    port: options.port,
    // With `development: false`, Bun shares a taken port unless it is told not to.
    reusePort: false,
    development: false,
    maxRequestBodySize: BODY_BYTES_READ,
    async fetch(request) {
      const { method } = request;
      const path = request.url.replace(/^[a-z]+:\/\/[^/]*/, '').replace(/\?.*$/, '');
      if (method === 'GET' && path === '/health') return Response.json({ status: 'ok' });
      if (!isPresented(request.headers.get('authorization'))) {
        return refuse(401, 'The agent wants its token.');
      }
      if (method === 'GET' && path === '/sample') return Response.json(agent.sample());
      if (method === 'GET' && path === '/brief') return Response.json(agent.brief());
      if (method === 'POST' && path === '/order') return await obey(agent, request);
      return refuse(404, 'Nothing is here; use POST /order or GET /sample.');
    },
  });
}

async function obey(agent: Agent, request: Request): Promise<Response> {
  try {
    const body = await request.text();
    if (body.length > BODY_BYTES_MAX) {
      return refuse(400, `The order is longer than ${BODY_BYTES_MAX} characters.`);
    }
    agent.obey(readOrder(parsed(body)));
    return Response.json(agent.sample());
  } catch (error) {
    if (error instanceof OrderError) return refuse(400, error.message);
    return refuse(400, 'The body must be an order in JSON.');
  }
}

function refuse(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
