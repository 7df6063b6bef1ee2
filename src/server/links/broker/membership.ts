/**
 * This node's place among others: a number that no other node has, and what all of them share.
 * Both stand in Redis: what one node keeps there ends by itself soon after the node, what all share
 * after the last of them.
 *
 *     <prefix>:node:<number>   of a node: when it began       30 s
 *     <prefix>:secret          by which nodes know each other 7 days
 *     <prefix>:epoch           names the history of all       7 days
 */

import { createHmac } from 'node:crypto';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { MAX_NODE } from '../../protocol/session-id.ts';

/** What it needs of Redis. */
export interface MemberCommands {
  command(key: string | undefined, args: readonly string[]): Promise<unknown>;
}

export interface MembershipOptions {
  readonly prefix: string;
  /** From the config; without one it is made, and kept in Redis. */
  readonly secret: string | undefined;
  readonly commands: MemberCommands;
  readonly log: Log;
}

const NUMBER_TRIES = 20;
const SHARED_MS = 7 * 24 * 3_600_000;
const SECRET_BYTES = 32;
const EPOCH_LENGTH = 12;

export class Membership {
  /** The number of this node. */
  readonly node: number;
  readonly secret: string;
  readonly epoch: string;
  /** Nobody had named a history before: there is none that could be cut. */
  readonly isFirst: boolean;
  readonly #options: MembershipOptions;
  readonly #boot: string;

  private constructor(
    options: MembershipOptions,
    boot: string,
    facts: Pick<Membership, 'node' | 'secret' | 'epoch' | 'isFirst'>,
  ) {
    this.#options = options;
    this.#boot = boot;
    this.node = facts.node;
    this.secret = facts.secret;
    this.epoch = facts.epoch;
    this.isFirst = facts.isFirst;
  }

  /** @throws what Redis throws */
  static async join(options: MembershipOptions): Promise<Membership> {
    const { prefix, commands } = options;
    const boot = crypto.randomUUID();
    const node = await claimNumber(commands, prefix, boot);
    const made = Buffer.from(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
    const secret =
      options.secret ??
      (await agree(commands, `${prefix}:secret`, made.toString('base64url'))).value;
    const { value: epoch, isOwn } = await agree(commands, `${prefix}:epoch`, newEpoch());
    return new Membership(options, boot, { node, secret, epoch, isFirst: isOwn });
  }

  /** A key for one use of the secret. */
  keyFor(use: string): string {
    return createHmac('sha256', this.secret).update(use).digest('base64url');
  }

  /** Says that the node lives, and puts back what Redis may have lost. To be called at times. */
  async refresh(): Promise<void> {
    const { commands, prefix, log, secret } = this.#options;
    const key = `${prefix}:node:${this.node}`;
    await commands.command(key, ['SET', key, this.#boot, 'PX', String(LIMITS.nodeKeyMs)]);
    const shared = [
      ['epoch', this.epoch],
      ...(secret === undefined ? [['secret', this.secret]] : []),
    ];
    for (const [name, value] of shared as [string, string][]) {
      const found = await agree(commands, `${prefix}:${name}`, value);
      if (found.value === value) continue;
      const text = `another ${name} of this cluster stands in Redis: restart this node to take it`;
      log.error(text, { key: `${prefix}:${name}` });
    }
  }

  async leave(): Promise<void> {
    const key = `${this.#options.prefix}:node:${this.node}`;
    await this.#options.commands.command(key, ['DEL', key]).catch((error: unknown) => {
      this.#options.log.debug('the number of this node stays in Redis for a while', {
        error: describeError(error),
      });
    });
  }
}

async function claimNumber(
  commands: MemberCommands,
  prefix: string,
  boot: string,
): Promise<number> {
  for (let left = NUMBER_TRIES; left > 0; left--) {
    const node = (crypto.getRandomValues(new Uint32Array(1))[0] as number) & MAX_NODE;
    const key = `${prefix}:node:${node}`;
    const life = String(LIMITS.nodeKeyMs);
    if ((await commands.command(key, ['SET', key, boot, 'NX', 'PX', life])) !== null) return node;
  }
  throw new Error('no number for this node is free in Redis');
}

/** The value that all share: ours where there was none. */
async function agree(
  commands: MemberCommands,
  key: string,
  value: string,
): Promise<{ readonly value: string; readonly isOwn: boolean }> {
  const life = String(SHARED_MS);
  const isOwn = (await commands.command(key, ['SET', key, value, 'NX', 'PX', life])) !== null;
  const found = isOwn ? value : await commands.command(key, ['GET', key]);
  if (!isOwn) await commands.command(key, ['PEXPIRE', key, life]);
  if (typeof found !== 'string' || found === '') throw new Error(`${key} in Redis is no text`);
  return { value: found, isOwn };
}

function newEpoch(): string {
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (first * 2 ** 20 + (second >>> 12))
    .toString(36)
    .padStart(EPOCH_LENGTH, '0')
    .slice(-EPOCH_LENGTH);
}
