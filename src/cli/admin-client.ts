/** How commands reach the admin API of a running node. */
import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { findTokenOf } from '../host/access/left-token.ts';
import { fieldsByName } from '../host/config/fields.ts';
import { AnswerError, ask, readAnswer, readRefusal } from '../host/foreign/ask.ts';
import { readNamedFile, whyUnread } from '../host/foreign/named-file.ts';
import { CliError } from './cli-error.ts';
import {
  addTokenOptions,
  readToken,
  type TokenOptions,
  type TokenSource,
  tokenPlaces,
} from './token-options.ts';

export interface AdminOptions extends TokenOptions {
  readonly admin?: string;
  readonly adminPort: string;
  readonly adminCa?: string;
}

const TOKEN: TokenSource = {
  flag: '--token',
  variable: 'HOLDFAST_ADMIN_TOKEN',
  what: 'Admin token of the node',
};

/** More certificates than anybody trusts at once. */
const CA_BYTES_MAX = 1_048_576;
const TIMEOUT_MS = 10_000;

export function addAdminOptions(command: Command): Command {
  command
    .addOption(new Option('--admin <url>', 'Admin address of the node, instead of a local port.'))
    .addOption(
      new Option('--admin-port <port>', 'Admin port of a node on this host.')
        .env('HOLDFAST_ADMIN_PORT')
        .default(String(fieldsByName.get('adminPort')?.default)),
    )
    .addOption(
      new Option('--admin-ca <file>', 'Certificate to trust at an https:// admin address.'),
    );
  return addTokenOptions(command, TOKEN);
}

/** What is asked of a node, and what its answer must be. */
export interface AdminCall<T> {
  readonly path: string;
  /** GET without one, else POST. */
  readonly body?: unknown;
  readonly answer: z.ZodType<T>;
  readonly maxBytes: number;
  readonly timeoutMs?: number;
}

/** @throws CliError when there is no such answer */
export async function callAdmin<T>(options: AdminOptions, call: AdminCall<T>): Promise<T> {
  const url = adminUrl(options) + call.path;
  const response = await request(url, options, call);
  if (response.ok) return await answerIn(response, url, call);
  const refusal = await readRefusal(response);
  if (response.status === 401) {
    throw new CliError(
      'The node wants its admin token: run this as the user who started the node, or give it ' +
        `with ${tokenPlaces(TOKEN)}.`,
    );
  }
  if (refusal !== undefined) throw new CliError(`The node refused: ${refusal}`);
  throw new CliError(
    `${url} is not the admin API of a Holdfast node (HTTP ${response.status}): correct the ` +
      'address.',
  );
}

async function answerIn<T>(
  response: Response,
  url: string,
  { answer, maxBytes }: AdminCall<T>,
): Promise<T> {
  try {
    return await readAnswer(response, answer, maxBytes);
  } catch (cause) {
    const why = cause instanceof AnswerError ? cause.message : 'its answer broke off';
    throw new CliError(
      `${url} is not the admin API of a Holdfast node (${why}): correct the address.`,
      { cause },
    );
  }
}

function adminUrl({ admin, adminPort }: AdminOptions): string {
  if (admin === undefined) {
    if (isPort(adminPort)) return `http://127.0.0.1:${adminPort}`;
    throw new CliError(`--admin-port is "${adminPort}"; it must be a port number such as 8600.`);
  }
  if (/^https?:/.test(admin) && URL.canParse(admin)) return admin.replace(/\/+$/, '');
  throw new CliError(`--admin is "${admin}"; it must be a URL such as http://127.0.0.1:8600.`);
}

/** Whether it is one to connect to. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

function readCa(path: string): string {
  try {
    return readNamedFile(path, CA_BYTES_MAX).toString('utf8');
  } catch (cause) {
    const reason = whyUnread(cause);
    throw new CliError(`--admin-ca ${path} cannot be read (${reason}): name a readable file.`, {
      cause,
    });
  }
}

/** The token that was given, or the one that a node on this host has left for its user. */
function tokenFor(url: string, options: AdminOptions): string | undefined {
  const given = readToken(TOKEN, options);
  if (given !== undefined) return given;
  return findTokenOf('admin', url);
}

async function request(
  url: string,
  options: AdminOptions,
  { body, timeoutMs = TIMEOUT_MS }: Pick<AdminCall<unknown>, 'body' | 'timeoutMs'>,
): Promise<Response> {
  const token = tokenFor(url, options);
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const ca = options.adminCa === undefined ? undefined : readCa(options.adminCa);
  try {
    if (body === undefined) return await ask(url, { headers: authorization, timeoutMs, ca });
    const headers = { ...authorization, 'content-type': 'application/json' };
    return await ask(url, { body: JSON.stringify(body), headers, timeoutMs, ca });
  } catch (error) {
    throw new CliError(
      `No node answers at ${new URL(url).origin}: start one with "holdfast start", or name its ` +
        'admin address with --admin-port or --admin.',
      { cause: error },
    );
  }
}
