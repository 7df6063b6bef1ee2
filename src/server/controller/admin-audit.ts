/**
 * Who acted through the admin API, and who was refused: lines of the node's log that say `audit`.
 *
 * Callers can ask as often as they like, so each kind of line is let through a few times a second,
 * with the number of those held back.
 */
import type { Log, LogFields } from '../core/log/log.ts';
import { LogLimiter } from '../core/log/log-limiter.ts';

/** Of what callers chose: it is shown, not kept. */
const TEXT_MAX_LENGTH = 100;

export class AdminAudit {
  readonly #log: Log;
  readonly #limiters: Map<string, LogLimiter> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A caller who may acted. @param action a word of ours, such as `send` */
  acted(action: string, address: string, fields: LogFields): void {
    this.#say('info', action, `${action} through the admin API`, { address, ...fields });
  }

  /** A caller was refused for who they are, not for what they said. */
  refused(path: string, address: string, status: number): void {
    const fields = { address, path: path.slice(0, TEXT_MAX_LENGTH), status };
    this.#say('warn', 'refused', 'a caller of the admin API was refused', fields);
  }

  #say(level: 'info' | 'warn', kind: string, message: string, fields: LogFields): void {
    let limiter = this.#limiters.get(kind);
    if (limiter === undefined) this.#limiters.set(kind, (limiter = new LogLimiter()));
    const suppressed = limiter.pass();
    if (suppressed === undefined) return;
    const held = suppressed === 0 ? {} : { suppressed };
    this.#log[level](message, { audit: kind, ...fields, ...held });
  }
}

/** Names that a caller gave, as a log line shows them. */
export function shown(names: string | readonly string[] | undefined): string | undefined {
  if (names === undefined) return undefined;
  return [names].flat().join(', ').slice(0, TEXT_MAX_LENGTH);
}
