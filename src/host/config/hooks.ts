/**
 * What the config says of hooks: HTTP calls to a backend of the user's own, which decides or hears
 * what happens. docs/HOOKS.md has their form; server/identity/hooks/ makes them.
 */
import { z } from 'zod';
import { key } from './keys.ts';

/** Calls that a backend may answer. */
const ANSWERED = ['connect', 'event', 'join'] as const;
const CALLS = ['connect', 'event', 'join', 'disconnect'] as const;

/** Which backend is asked what, and what its silence means. */
export interface HooksConfig {
  readonly hookUrl?: string | undefined;
  readonly hookSecret?: string | undefined;
  readonly hookCalls: readonly (typeof CALLS)[number][];
  readonly hookHeaders: readonly string[];
  readonly hookTimeoutMs: number;
  readonly hookConcurrency: number;
  readonly hookAllowOnFailure: readonly (typeof ANSWERED)[number][];
}

const SECRET = /^[!-~]{32,}$/;
/** The runtime has 256 requests under way at the most, and the app may want some. */
const CONCURRENCY_MAX = 200;
const HEADERS_MAX = 32;

const names = (list: readonly string[]): string => list.map((name) => `"${name}"`).join(', ');

export const hookShape: { [K in keyof HooksConfig]-?: z.ZodType<HooksConfig[K]> } = {
  hookUrl: key(
    z.string().refine(isBackend).optional(),
    'Where hooks are sent: a backend of your own that decides who comes in, and hears what ' +
      'happens (docs/HOOKS.md).',
    { allowed: 'an http:// or https:// URL without user, password and fragment' },
  ),
  hookSecret: key(
    z.string().regex(SECRET).optional(),
    'The key of the signature by which the backend knows that a hook comes from this node; ' +
      'safer as a variable or in the file, since every user of the host can see flags.',
    { allowed: '32 or more visible ASCII characters', isSecret: true },
  ),
  hookCalls: key(
    z.array(z.enum(CALLS)).default(['connect']),
    'Which calls are sent: `connect` asks who a client is; `event` hands over events that the ' +
      'app has no handler for; `join` asks whether a client may join a room; `disconnect` tells ' +
      'of sessions that ended.',
    { allowed: `a list of ${names(CALLS)}` },
  ),
  hookHeaders: key(
    z
      .array(z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]+$/))
      .max(HEADERS_MAX)
      .default(['authorization', 'cookie', 'origin', 'user-agent']),
    'Headers of the first request of a client that `connect` passes on. What is read of them is ' +
      'kept for as long as a client of Socket.IO is connected, since it may join again.',
    { allowed: `a list of up to ${HEADERS_MAX} header names in lower case` },
  ),
  hookTimeoutMs: key(
    z.int().min(100).max(60_000).default(5_000),
    'How long a hook may take in all: until its turn, for a second try, for the whole answer.',
    { limit: { seen: 'the call has failed: see `hookAllowOnFailure`', counted: 'hookTimeout' } },
  ),
  hookConcurrency: key(
    z.int().min(1).max(CONCURRENCY_MAX).default(32),
    'Hooks that one worker has under way at a time; others wait for their turn.',
    { limit: { seen: 'hooks wait, for `hookTimeoutMs` at the most' } },
  ),
  hookAllowOnFailure: key(
    z.array(z.enum(ANSWERED)).default([]),
    'Calls that count as allowed when they fail, as with a backend that is down; the others ' +
      'count as refused. A refusal by the backend, or an answer that is not understood, is no ' +
      'failure.',
    { allowed: `a list of ${names(ANSWERED)}` },
  ),
};

function isBackend(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.hash === '';
}
