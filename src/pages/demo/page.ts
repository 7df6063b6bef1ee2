/**
 * The files of the demo's page, and what a browser may do with them.
 *
 * They have no build step and so no hashed names; clients keep them and ask each time whether they
 * changed. The content security policy allows nothing but this origin: no inline script or style,
 * no frame.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { serveFiles } from 'holdfast';

const FOLDER = join(import.meta.dirname, 'page');

const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "object-src 'none'";

/** Makes the handler; it answers undefined for paths that are not its own. */
export function createPage(): ReturnType<typeof serveFiles> {
  const files = readdirSync(FOLDER).map((name) => {
    return [name === 'index.html' ? '/' : `/${name}`, join(FOLDER, name)] as const;
  });
  return serveFiles(Object.fromEntries(files), {
    headers: { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' },
  });
}
