/**
 * The files of the demo's page, and what a browser may do with them.
 *
 * `/` is the match, `/transports` the same room over every transport.
 *
 * They have no build step and so no hashed names; clients keep them and ask each time whether they
 * changed. The content security policy allows nothing but this origin: no inline script or style,
 * no frame.
 */

import { type Dirent, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { serveFiles } from 'holdfast';

const FOLDER = join(import.meta.dirname, 'page');

const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "object-src 'none'";

/** Where a page asks how long the head of its request was, which it cannot see itself. */
const HEAD_PATH = '/transports/head';

/** Makes the handler; it answers undefined for paths that are not its own. */
export function createPage(): ReturnType<typeof serveFiles> {
  const entries = readdirSync(FOLDER, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(fileOf);
  const serve = serveFiles(Object.fromEntries(files), {
    headers: { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' },
  });
  return (request) => {
    const isAboutHead = request.method === 'GET' && new URL(request.url).pathname === HEAD_PATH;
    return isAboutHead ? Response.json({ bytes: headBytes(request) }) : serve(request);
  };
}

/** A page has the path of its name without the end; the page `index` has `/`. */
function fileOf({ parentPath, name }: Dirent): readonly [path: string, file: string] {
  const file = join(parentPath, name);
  const path = `/${relative(FOLDER, file)}`;
  return [path === '/index.html' ? '/' : path.replace(/\.html$/, ''), file];
}

/** The length of a request's first line and headers as they came, RFC 9112 section 2.1. */
function headBytes({ method, url, headers }: Request): number {
  const { pathname, search } = new URL(url);
  const lines = [`${method} ${pathname}${search} HTTP/1.1`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return lines.reduce((sum, line) => sum + line.length + 2, 2);
}
