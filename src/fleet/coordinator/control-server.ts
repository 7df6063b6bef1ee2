/**
 * The control API of a running fleet:
 *
 *     GET  /status   FleetStatus
 *     POST /set      {"connections": N}, {"rate": R} or {"target": URL or [URL, …]} → FleetStatus
 *     POST /stop     → FleetStatus
 *
 * Whoever presents the token may use it, on loopback too: other users of the host are there as
 * well, and who controls a run points it at any server.
 */

import { addressOf } from '../../host/access/loopback.ts';
import { bearerCheck } from '../../host/access/token.ts';
import { parsed } from '../../host/foreign/parsed.ts';
import { HostFiles } from '../../host/machine/host-files.ts';
import { listenFault } from '../../host/machine/listen-fault.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { grouped } from '../settings/numbers.ts';
import { CONNECTIONS_MAX, RATE_MAX } from '../settings/settings.ts';
import type { FleetStatus } from './status.ts';

const BODY_BYTES_MAX = 65_536;
/** Setting targets tries a session with each first. */
const IDLE_TIMEOUT_SECONDS = 60;
const TARGETS_MAX = 1_024;
const UNKNOWN = 'Send the control token as "Authorization: Bearer <token>".';

/** One setting to change, as it came and was found right. */
export type Change =
  | { readonly connections: number }
  | { readonly rate: number }
  | { readonly targets: readonly string[] };

/** What is controlled. */
export interface Controlled {
  status(): FleetStatus;
  /** @throws FleetError when it cannot be done */
  set(change: Change): Promise<void>;
  stop(): void;
}

export interface ControlAddress {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly token: string;
}

export interface ControlServer {
  readonly port: number;
  /** Where it listens. */
  readonly address: string;
  stop(): Promise<void>;
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

/** @throws FleetError when the port cannot be taken */
export function startControlServer(
  controlled: Controlled,
  { host, port, token }: ControlAddress,
): ControlServer {
  const isPresented = bearerCheck(token);
  try {
    const server = Bun.serve({
      hostname: host,
      port,
      // With `development: false`, Bun shares a taken port unless it is told not to.
      reusePort: false,
      development: false,
      maxRequestBodySize: BODY_BYTES_MAX,
      idleTimeout: IDLE_TIMEOUT_SECONDS,
      async fetch(request) {
        try {
          if (!isPresented(request.headers.get('authorization'))) throw new Refusal(401, UNKNOWN);
          return Response.json(await answer(controlled, request));
        } catch (error) {
          if (error instanceof Refusal) return refuse(error.status, error.message);
          if (error instanceof FleetError) return refuse(400, error.message);
          throw error;
        }
      },
    });
    const address = addressOf(server, host);
    return { port: server.port ?? port, address, stop: () => server.stop(true) };
  } catch (cause) {
    const { kind, reason } = listenFault(new HostFiles(), cause, host, port);
    const flag = kind === 'address' ? '--control-host' : '--control-port';
    const problem = `The control port ${port} on ${host} cannot be taken`;
    throw new FleetError(`${problem}: ${reason}; choose another with ${flag}.`, { cause });
  }
}

async function answer(controlled: Controlled, request: Request): Promise<FleetStatus> {
  const path = new URL(request.url).pathname;
  const route = `${request.method} ${path}`;
  switch (route) {
    case 'GET /status':
      break;
    case 'POST /set':
      await controlled.set(readChange(await readBody(request)));
      break;
    case 'POST /stop':
      await readBody(request);
      controlled.stop();
      break;
    default:
      throw new Refusal(404, 'Nothing is here; use GET /status, POST /set or POST /stop.');
  }
  return controlled.status();
}

async function readBody(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new Refusal(415, 'Send the body with "Content-Type: application/json".');
  }
  try {
    return parsed(await request.text());
  } catch {
    throw new Refusal(400, 'The body must be a JSON object such as {"connections":1000}.');
  }
}

/** @throws Refusal with one sentence */
export function readChange(body: unknown): Change {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  const [field, ...others] = fields;
  if (field === undefined || others.length > 0) {
    throw new Refusal(400, 'Set one of "connections", "rate" and "target".');
  }
  const [name, value] = field as [string, unknown];
  switch (name) {
    case 'connections':
      if (Number.isInteger(value) && inRange(value, 0, CONNECTIONS_MAX)) {
        return { connections: value as number };
      }
      throw new Refusal(
        400,
        `"connections" must be a whole number from 0 to ${grouped(CONNECTIONS_MAX)}.`,
      );
    case 'rate':
      if (inRange(value, 0.01, RATE_MAX)) return { rate: value as number };
      throw new Refusal(400, `"rate" must be a number from 0.01 to ${grouped(RATE_MAX)}.`);
    case 'target': {
      const targets: readonly unknown[] = Array.isArray(value) ? value : [value];
      const areTexts = targets.every((target) => typeof target === 'string');
      if (areTexts && inRange(targets.length, 1, TARGETS_MAX)) return { targets };
      throw new Refusal(400, '"target" must be a URL such as ws://host:8500, or a list of them.');
    }
    default:
      throw new Refusal(
        400,
        `"${name.slice(0, 40)}" cannot be set; "connections", "rate" and "target" can.`,
      );
  }
}

function inRange(value: unknown, lowest: number, highest: number): boolean {
  return typeof value === 'number' && value >= lowest && value <= highest;
}

function refuse(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
