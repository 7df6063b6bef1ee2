/** How commands reach the admin API of a running node. */
import { type Command, Option } from 'commander';
import { fieldsByName } from '../host/config/fields.ts';
import { isLoopback } from '../host/config/loopback.ts';
import { findToken } from '../host/secrets/admin-token.ts';
import { CliError } from './cli-error.ts';

export interface AdminOptions {
  readonly admin?: string;
  readonly adminPort: string;
  readonly token?: string;
}

const TIMEOUT_MS = 10_000;

export function addAdminOptions(command: Command): Command {
  return command
    .addOption(new Option('--admin <url>', 'Admin address of the node, instead of a local port.'))
    .addOption(
      new Option('--admin-port <port>', 'Admin port of a node on this host.')
        .env('HOLDFAST_ADMIN_PORT')
        .default(String(fieldsByName.get('adminPort')?.default)),
    )
    .addOption(new Option('--token <token>', 'Admin token.').env('HOLDFAST_ADMIN_TOKEN'));
}

/** GET, or POST when there is a body. */
export async function callAdmin<T>(
  options: AdminOptions,
  path: string,
  body?: unknown,
  timeoutMs: number = TIMEOUT_MS,
): Promise<T> {
  const url = adminUrl(options) + path;
  const response = await request(url, options, body, timeoutMs);
  const text = await response.text();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new CliError(`${url} is not the admin API of a Holdfast node: correct the address.`);
  }
  if (response.ok) return answer as T;
  if (response.status === 401) {
    throw new CliError(
      'The node wants its admin token: run this as the user who started the node, or give ' +
        '--token or HOLDFAST_ADMIN_TOKEN.',
    );
  }
  const { error } = answer as { error?: string };
  throw new CliError(`The node refused: ${error ?? `HTTP ${response.status}.`}`);
}

function adminUrl({ admin, adminPort }: AdminOptions): string {
  if (admin === undefined) {
    if (/^\d{1,5}$/.test(adminPort)) return `http://127.0.0.1:${adminPort}`;
    throw new CliError(`--admin-port is "${adminPort}"; it must be a port number such as 8600.`);
  }
  if (/^https?:/.test(admin) && URL.canParse(admin)) return admin.replace(/\/+$/, '');
  throw new CliError(`--admin is "${admin}"; it must be a URL such as http://127.0.0.1:8600.`);
}

/** The token that was given, or the one that a node on this host has left for its user. */
function tokenFor(url: string, { token }: AdminOptions): string | undefined {
  if (token !== undefined && token !== '') return token;
  const { hostname, port } = new URL(url);
  return isLoopback(hostname.replace(/^\[|\]$/g, '')) ? findToken(Number(port)) : undefined;
}

async function request(
  url: string,
  options: AdminOptions,
  body: unknown,
  timeoutMs: number,
): Promise<Response> {
  const headers = new Headers();
  const token = tokenFor(url, options);
  if (token) headers.set('authorization', `Bearer ${token}`);
  if (body !== undefined) headers.set('content-type', 'application/json');
  try {
    return await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new CliError(
      `No node answers at ${new URL(url).origin}: start one with "holdfast start", or name its ` +
        'admin address with --admin-port or --admin.',
      { cause: error },
    );
  }
}
