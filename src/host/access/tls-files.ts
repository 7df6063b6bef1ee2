/**
 * A certificate and its key, read from files and read again when they change.
 *
 * Certificates are renewed while a server runs. The files are looked at every few seconds; a pair
 * that does not fit, as while one of the two has been written, is left alone until it does.
 */

import type * as Crypto from 'node:crypto';
import { statSync } from 'node:fs';
import { readNamedFile, whyUnread } from '../foreign/named-file.ts';

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
}

/** As `Bun.serve` takes them. */
export interface TlsPair {
  /** The certificate, and those of its issuers behind it, as PEM. */
  readonly cert: string;
  readonly key: string;
}

/** The paths of a port that speaks TLS; `undefined` for one that does not. */
export function tlsPaths(cert: string | undefined, key: string | undefined): TlsPaths | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

const LOOK_MS = 10_000;
/** A certificate with its whole chain is some kilobytes. */
const FILE_BYTES_MAX = 1_048_576;
const RSA_BITS_MIN = 2_048;
const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** @throws Error whose message is one sentence that names the file */
export function readTlsPair(paths: TlsPaths): TlsPair {
  const { createPrivateKey, X509Certificate } = cryptoModule();
  const cert = read(paths.cert, 'certificate');
  const key = read(paths.key, 'key');
  let certificate: Crypto.X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    throw new Error(`${paths.cert} holds no certificate in PEM form.`, { cause });
  }
  let isPair: boolean;
  try {
    isPair = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error(`${paths.key} holds no private key in PEM form without a password.`, { cause });
  }
  if (!isPair) throw new Error(`The key in ${paths.key} is not that of ${paths.cert}.`);
  checkChain(cert, paths.cert);
  return { cert, key };
}

/** Loaded where there is a certificate: it would take every other worker 0.8 MB. */
function cryptoModule(): typeof Crypto {
  return process.getBuiltinModule('node:crypto');
}

/** Each certificate of a chain, since one that is broken keeps the whole from being used. */
function checkChain(pem: string, path: string): void {
  const { X509Certificate } = cryptoModule();
  for (const [block] of pem.matchAll(CERTIFICATES)) {
    let certificate: Crypto.X509Certificate;
    try {
      certificate = new X509Certificate(block);
    } catch (cause) {
      throw new Error(`${path} holds a certificate that is broken, behind the first.`, { cause });
    }
    const { asymmetricKeyDetails, asymmetricKeyType } = certificate.publicKey;
    const bits = asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
    if (asymmetricKeyType === 'rsa' && bits < RSA_BITS_MIN) {
      throw new Error(
        `${path} holds a key of ${bits} bits, which clients refuse: use ${RSA_BITS_MIN} at least.`,
      );
    }
  }
}

export interface TlsWatchEvents {
  /** The files hold another pair now. What this throws is told to `onFault`. */
  onPair(pair: TlsPair): void;
  /** They have changed into something else; said once for each change. */
  onFault(message: string): void;
}

/** Looks at the files now and then. @returns a function that stops */
export function watchTls(
  paths: TlsPaths,
  events: TlsWatchEvents,
  lookMs: number = LOOK_MS,
): () => void {
  let seen = stampOf(paths);
  const timer = setInterval(() => {
    const stamp = stampOf(paths);
    if (stamp === seen) return;
    seen = stamp;
    try {
      events.onPair(readTlsPair(paths));
    } catch (error) {
      events.onFault(error instanceof Error ? error.message : String(error));
    }
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Changes whenever one of the files does, or what a link leads to. */
function stampOf({ cert, key }: TlsPaths): string {
  return [cert, key].map(stampOfFile).join(' ');
}

function stampOfFile(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return 'missing';
  }
}

function read(path: string, what: string): string {
  try {
    return readNamedFile(path, FILE_BYTES_MAX).toString('utf8');
  } catch (cause) {
    throw new Error(`The ${what} ${path} cannot be read (${whyUnread(cause)}).`, { cause });
  }
}
