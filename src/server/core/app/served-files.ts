/**
 * A handful of files for pages, answered over HTTP from memory.
 *
 *     first request → read, tagged → with `Accept-Encoding`: compressed once, in the background
 *
 * Every answer shares one buffer, so that a client which asks for much and reads nothing costs its
 * connection and no more. Answers that Bun reads from a file (`Bun.file`) are read whole for each
 * request, read or not: an app that serves pages is better off with this. It finds no files by
 * itself: only paths that it was given are answered. Source: RFC 9110, sections 8.8, 12.5 and 13.
 */

import { accessSync, constants, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';

/** What a file is, by the end of its name, and whether it gets smaller by compression. */
const TYPES: Readonly<Record<string, readonly [type: string, isCompressible: boolean]>> = {
  '.html': ['text/html; charset=utf-8', true],
  '.css': ['text/css; charset=utf-8', true],
  '.js': ['text/javascript; charset=utf-8', true],
  '.mjs': ['text/javascript; charset=utf-8', true],
  '.json': ['application/json', true],
  '.map': ['application/json', true],
  '.svg': ['image/svg+xml', true],
  '.txt': ['text/plain; charset=utf-8', true],
  '.wasm': ['application/wasm', true],
  '.webmanifest': ['application/manifest+json', true],
  '.avif': ['image/avif', false],
  '.gif': ['image/gif', false],
  '.ico': ['image/x-icon', false],
  '.jpg': ['image/jpeg', false],
  '.jpeg': ['image/jpeg', false],
  '.png': ['image/png', false],
  '.webp': ['image/webp', false],
  '.woff2': ['font/woff2', false],
};
const UNKNOWN_TYPE = ['application/octet-stream', false] as const;

/** Smaller than this, the header that tells of it outweighs what compression saves. */
const COMPRESSED_MIN_BYTES = 1_024;

type Bytes = Uint8Array<ArrayBuffer>;
/** The name of a file on disk, or what makes its bytes when they are asked for first. */
export type FileSource = string | (() => Promise<Bytes>);
type Encoding = 'br' | 'gzip';
/** The encodings in the order in which they are chosen when the client likes both the same. */
const ENCODINGS: readonly Encoding[] = ['br', 'gzip'];

interface StoredFile {
  readonly identity: Bytes;
  readonly tag: string;
  readonly type: string;
  readonly isCompressible: boolean;
  readonly encoded: Map<Encoding, Promise<Bytes>>;
}

/** A request, as far as it matters here: a `Request` is one. */
export interface FileRequest {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
}

/** An answer whose body is shared with other answers, and so MUST NOT be written to. */
export interface FileAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes | string | null;
}

const NOT_ALLOWED: FileAnswer = {
  status: 405,
  headers: { allow: 'GET, HEAD', 'x-content-type-options': 'nosniff' },
  body: 'Only GET and HEAD are answered here.\n',
};

function asResponse(answer: FileAnswer): Response {
  return new Response(answer.body, answer);
}

export interface ServedFilesOptions {
  /** Headers of every answer; without `cache-control` clients ask each time (`no-cache`). */
  readonly headers?: Readonly<Record<string, string>>;
}

export class ServedFiles {
  readonly #sources: ReadonlyMap<string, FileSource>;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #stored: Map<FileSource, Promise<StoredFile>> = new Map();

  /** @param files by the path of their URL as it reads */
  constructor(files: Readonly<Record<string, FileSource>>, options: ServedFilesOptions = {}) {
    this.#sources = new Map(Object.entries(files));
    this.#headers = {
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      ...options.headers,
    };
  }

  /**
   * Answers a request for one of the files; `undefined` for other paths.
   *
   * @param path percent-encoded or not: only whole paths are compared, so none leads elsewhere
   */
  answer(request: FileRequest, path: string): Promise<Response> | Response | undefined {
    const found = this.find(request, path);
    if (found === undefined) return undefined;
    return found instanceof Promise ? found.then(asResponse) : asResponse(found);
  }

  /** The same, without a `Response` around it. */
  find(request: FileRequest, path: string): Promise<FileAnswer> | FileAnswer | undefined {
    const source = this.#sources.get(path) ?? this.#sources.get(decoded(path));
    if (source === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') return NOT_ALLOWED;
    return this.#read(request, source, path);
  }

  async #read(request: FileRequest, source: FileSource, path: string): Promise<FileAnswer> {
    const file = await this.#load(source, path);
    const encoding = file.isCompressible
      ? chooseEncoding(request.headers.get('accept-encoding') ?? '')
      : undefined;
    const tag = `"${file.tag}${encoding === undefined ? '' : `-${encoding}`}"`;
    const headers: Record<string, string> = {
      ...this.#headers,
      'content-type': file.type,
      etag: tag,
      ...(file.isCompressible ? { vary: 'accept-encoding' } : {}),
    };
    if (isKnown(request.headers.get('if-none-match'), tag)) {
      return { status: 304, headers, body: null };
    }
    if (encoding === undefined) return { status: 200, headers, body: file.identity };
    const body = await encodedBody(file, encoding);
    return { status: 200, headers: { ...headers, 'content-encoding': encoding }, body };
  }

  #load(source: FileSource, path: string): Promise<StoredFile> {
    const known = this.#stored.get(source);
    if (known !== undefined) return known;
    const loading = loadFile(source, path);
    this.#stored.set(source, loading);
    // What cannot be read now, such as for want of open files, may be read the next time.
    loading.catch(() => this.#stored.delete(source));
    return loading;
  }
}

/**
 * Makes the `request` handler of an app that serves a few files.
 *
 * @param files by the path of their URL as it reads (`/my page.html`), each the name of a file on
 *   disk
 * @throws Error when a path does not begin with `/`, or a file cannot be read
 * @example
 *     const page = serveFiles({ '/': 'page/index.html', '/page.js': 'page/page.js' });
 *     export default defineApp({ request: page });
 */
export function serveFiles(
  files: Readonly<Record<string, string>>,
  options: ServedFilesOptions = {},
): (request: Request) => Promise<Response> | Response | undefined {
  for (const [path, name] of Object.entries(files)) checkFile(path, name);
  const served = new ServedFiles(files, options);
  return (request) => served.answer(request, new URL(request.url).pathname);
}

function checkFile(path: string, name: string): void {
  const given = `serveFiles is given '${path}'`;
  if (!path.startsWith('/')) throw new Error(`${given}, which must begin with /: '/${path}'`);
  try {
    accessSync(name, constants.R_OK);
    if (statSync(name).isFile()) return;
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw new Error(`${given} for ${resolve(name)}, which cannot be read (${code})`, { cause });
  }
  throw new Error(`${given} for ${resolve(name)}, which is no file`);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function loadFile(source: FileSource, path: string): Promise<StoredFile> {
  const isOnDisk = typeof source === 'string';
  const identity = isOnDisk ? await Bun.file(source).bytes() : await source();
  const end = extname(isOnDisk ? source : path).toLowerCase();
  const [type, mayShrink] = TYPES[end] ?? UNKNOWN_TYPE;
  return {
    identity,
    tag: Bun.hash(identity).toString(36),
    type,
    isCompressible: mayShrink && identity.byteLength >= COMPRESSED_MIN_BYTES,
    encoded: new Map(),
  };
}

function encodedBody(file: StoredFile, encoding: Encoding): Promise<Bytes> {
  const known = file.encoded.get(encoding);
  if (known !== undefined) return known;
  const work = compress(file.identity, encoding);
  file.encoded.set(encoding, work);
  return work;
}

/** The best that is done while the first client waits: the one after takes seconds for 400 KB. */
const BROTLI_QUALITY = 9;
const GZIP_LEVEL = 9;

/** In a thread of its own, by a module that is loaded only where pages are served. */
async function compress(bytes: Bytes, encoding: Encoding): Promise<Bytes> {
  const { brotliCompress, constants, gzip } = await import('node:zlib');
  const { promise, resolve, reject } = Promise.withResolvers<Bytes>();
  const done = (error: Error | null, result: Buffer): void => {
    if (error === null) resolve(new Uint8Array(result));
    else reject(error);
  };
  const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
  if (encoding === 'br') brotliCompress(bytes, { params }, done);
  else gzip(bytes, { level: GZIP_LEVEL }, done);
  return await promise;
}

/** The encoding that the client likes best, of those we have. */
function chooseEncoding(accepted: string): Encoding | undefined {
  let best: Encoding | undefined;
  let bestQuality = 0;
  for (const encoding of ENCODINGS) {
    const quality = qualityOf(accepted, encoding) ?? qualityOf(accepted, '*') ?? 0;
    if (quality > bestQuality) [best, bestQuality] = [encoding, quality];
  }
  return best;
}

function qualityOf(accepted: string, encoding: string): number | undefined {
  for (const item of accepted.split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (name !== encoding) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
  }
  return undefined;
}

/** A proxy that compresses turns a tag into a weak one; the comparison ignores that. */
function isKnown(header: string | null, tag: string): boolean {
  const tags = header?.split(',').map((known) => known.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(tag) || tags.includes('*');
}
