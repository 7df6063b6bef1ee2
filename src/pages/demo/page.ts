/**
 * Answers HTTP for the demo's page: a handful of files, read once, served from memory.
 *
 * The files have no build step and so no hashed names; clients keep them and ask each time
 * whether they changed (`no-cache` with an ETag), which costs them one 304 without a body. The
 * content security policy allows nothing but this origin: no inline script or style, no frame.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'page');

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

const FILES = [
  ['/', 'index.html', 'html'],
  ['/style.css', 'style.css', 'css'],
  ['/match.css', 'match.css', 'css'],
  ['/gauges.css', 'gauges.css', 'css'],
  ['/page.js', 'page.js', 'js'],
  ['/view.js', 'view.js', 'js'],
  ['/voter.js', 'voter.js', 'js'],
  ['/icon.svg', 'icon.svg', 'svg'],
  ['/wave.svg', 'wave.svg', 'svg'],
  ['/buoy.svg', 'buoy.svg', 'svg'],
  ['/chart.svg', 'chart.svg', 'svg'],
] as const;

const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "object-src 'none'";

interface StoredFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads the files and makes the handler; it answers undefined for paths that are not its own. */
export function createPage(): (request: Request) => Response | undefined {
  const files = new Map(FILES.map(([path, name, type]) => [path as string, read(name, type)]));
  return (request) => {
    const file = files.get(new URL(request.url).pathname);
    return file === undefined ? undefined : answer(request, file);
  };
}

function read(name: string, type: keyof typeof TYPES): StoredFile {
  const body = new Uint8Array(readFileSync(join(FOLDER, name)));
  const headers = {
    'content-type': TYPES[type],
    'cache-control': 'no-cache',
    etag: `"${Bun.hash(body).toString(36)}"`,
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  return { body, headers };
}

function answer(request: Request, file: StoredFile): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response('Only GET and HEAD are answered here.\n', {
      status: 405,
      headers: { allow: 'GET, HEAD', 'x-content-type-options': 'nosniff' },
    });
  }
  const known = request.headers.get('if-none-match')?.split(',') ?? [];
  const etag = file.headers['etag'];
  // A proxy that compresses turns the tag into a weak one; the comparison ignores that (RFC 9110).
  if (known.some((tag) => tag.trim().replace(/^W\//, '') === etag)) {
    return new Response(null, { status: 304, headers: file.headers });
  }
  return new Response(request.method === 'HEAD' ? null : file.body, { headers: file.headers });
}
