/**
 * What may be wrong with a Redis, by name, and which of these an error means. Errors of servers are
 * told apart by their first word, those of sockets by their code. Neither carries a password; what
 * is shown of them is bounded and made printable all the same, since a server chose it.
 */

import { printable } from '../../../host/foreign/printable.ts';

/** The worst first: of several at once, the first is the one that is told. */
export const REDIS_FAULTS = [
  'tooOld',
  'wrongPassword',
  'unreachable',
  'failingOver',
  'clusterDown',
  'loading',
  'readOnly',
  'outOfMemory',
  'notPermitted',
  'refused',
  'slow',
] as const;
export type RedisFault = (typeof REDIS_FAULTS)[number];

export class RedisLinkError extends Error {
  override readonly name: string = 'RedisLinkError';
  readonly fault: RedisFault;
  /** An answer to this one command: with Redis itself nothing is wrong. */
  readonly isOfCommand: boolean;
  /** Where the server says that the slot is: the host may be empty, for the one that said it. */
  readonly redirect: Redirect | undefined;

  constructor(fault: RedisFault, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.fault = fault;
    this.isOfCommand = facts.isOfCommand ?? false;
    this.redirect = facts.redirect;
  }
}

export interface Redirect {
  readonly kind: 'MOVED' | 'ASK';
  readonly host: string;
  readonly port: number;
}

interface ErrorFacts {
  readonly cause?: unknown;
  readonly isOfCommand?: boolean;
  readonly redirect?: Redirect | undefined;
}

const BY_FIRST_WORD: Readonly<Record<string, RedisFault>> = {
  CLUSTERDOWN: 'clusterDown',
  LOADING: 'loading',
  MASTERDOWN: 'failingOver',
  NOAUTH: 'wrongPassword',
  NOPERM: 'notPermitted',
  OOM: 'outOfMemory',
  READONLY: 'readOnly',
  TRYAGAIN: 'failingOver',
  UNBLOCKED: 'failingOver',
  WRONGPASS: 'wrongPassword',
};

/** What is answered to a command that asks for something that cannot be, as those who ask know. */
const OF_COMMAND: ReadonlySet<string> = new Set([
  ...['ASK', 'BUSYGROUP', 'BUSYKEY', 'CROSSSLOT', 'ERR', 'EXECABORT', 'INVALIDOBJ', 'MOVED'],
  ...['NOGROUP', 'NOSCRIPT', 'UNKILLABLE', 'NOTBUSY', 'WRONGTYPE'],
]);

const ADVICE: Readonly<Partial<Record<RedisFault, string>>> = {
  tooOld: 'Holdfast needs Redis 6.2 or Valkey; update the server',
  wrongPassword: 'give its user and password in the URL, as in redis://user:password@host:port',
  unreachable: 'see that it runs, and that this host may reach it',
  clusterDown: 'see with `redis-cli cluster info` which slots have no master',
  loading: 'it reads its data and will answer when it has',
  readOnly: 'name the master, or use redis-sentinel:// or redis-cluster://',
  outOfMemory: 'raise its maxmemory, or let it forget keys by maxmemory-policy',
  notPermitted: 'give its user the rule that is missing, by ACL SETUSER',
};

/** What is wrong, and what to do about it. */
export function faultSentence(fault: RedisFault, detail: string): string {
  const advice = ADVICE[fault];
  return advice === undefined ? detail : `${detail}: ${advice}`;
}

const DETAIL_MAX_LENGTH = 300;
const TLS_CODE = /CERT|SIGNATURE|TLS|SSL|ISSUER/;

/**
 * Any error of the library as one of ours.
 *
 * @param where the server, as `host:port`
 */
export function linkError(error: unknown, where: string): RedisLinkError {
  if (error instanceof RedisLinkError) return error;
  const text = shownError(error);
  if (isErrorReply(error)) return replyError(error, text, where);
  const code = codeOf(error);
  if (TLS_CODE.test(code)) {
    const how = `its certificate is not accepted (${code}), give the file of its CA as caFile`;
    return new RedisLinkError('unreachable', `Redis at ${where}: ${how}`, { cause: error });
  }
  const why = code === '' ? text : code;
  const detail = `Redis at ${where} does not answer (${why})`;
  return new RedisLinkError('unreachable', faultSentence('unreachable', detail), { cause: error });
}

function replyError(error: Error, text: string, where: string): RedisLinkError {
  const word = /^[A-Z]+/.exec(error.message)?.[0] ?? '';
  const isUnknownHello = /unknown command.*HELLO|NOPROTO/i.test(error.message);
  const isWithoutPassword = error.message.startsWith('ERR AUTH');
  const fault = isUnknownHello
    ? 'tooOld'
    : isWithoutPassword
      ? 'wrongPassword'
      : (BY_FIRST_WORD[word] ?? 'refused');
  const redirect = redirectOf(error.message);
  const isOfCommand = fault === 'refused' && OF_COMMAND.has(word);
  const said = `Redis at ${where} says: ${text}`;
  return new RedisLinkError(fault, faultSentence(fault, said), {
    cause: error,
    isOfCommand,
    redirect,
  });
}

function redirectOf(message: string): Redirect | undefined {
  const [, kind, host, digits] = /^(MOVED|ASK) \d+ (.*):(\d{1,5})$/.exec(message) ?? [];
  if (kind !== 'MOVED' && kind !== 'ASK') return undefined;
  return { kind, host: host === '?' ? '' : (host ?? ''), port: Number(digits) };
}

/** The library's own errors for answers have these names on them or above them. */
function isErrorReply(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  for (let at: object | null = error; at !== null; at = Object.getPrototypeOf(at)) {
    if (at.constructor.name === 'ErrorReply') return true;
  }
  return false;
}

function shownError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return printable(text).slice(0, DETAIL_MAX_LENGTH);
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? printable(code).slice(0, DETAIL_MAX_LENGTH) : '';
}
