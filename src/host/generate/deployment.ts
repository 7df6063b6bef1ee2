/**
 * What generated files are made from, beside the config: facts of the host that asks, and the words
 * in which something cannot be made.
 */

/** A host and a node on it, as far as files for both depend on them. */
export interface HostFacts {
  /** Workers that the node starts. */
  readonly workers: number;
  /** Connections that the open files of one worker leave to clients. */
  readonly connectionsPerWorker: number;
  /** The open-file limit of a worker. */
  readonly openFiles: number;
  /** What the node may use at the most. */
  readonly memoryBytes: number;
  /** Local ports from which one address can connect to one port of another. */
  readonly localPorts: number;
}

/** The file cannot be made; the message is one sentence that says what to change. */
export class GenerateError extends Error {
  override readonly name: string = 'GenerateError';
}

/** A path of a file that goes into another file as a word: nothing in it needs to be quoted. */
const PLAIN_PATH = /^\/[\w./@+-]+$/;

/**
 * @param what the subject of the complaint, such as `--certificate`
 * @throws GenerateError for a path that quoting rules of the file could take apart
 */
export function plainPath(what: string, path: string): string {
  if (PLAIN_PATH.test(path)) return path;
  throw new GenerateError(
    `${what} is ${JSON.stringify(path)}; it must be an absolute path of letters, digits and ` +
      '"./@+-_".',
  );
}

/** Comment lines, each part one sentence or more, wrapped to the width of a page. */
export function comment(...parts: readonly string[]): string {
  return parts.flatMap((part) => wrapped(part)).join('\n');
}

const COLUMNS = 96;

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
