/** Hands what this node says to the transport, bounded, and counts what becomes of it. */

import { LIMITS } from '../../../core/limits/limits.ts';
import type { ForeignFigures, ForeignTransport } from './contract.ts';
import type { Outgoing } from './saying.ts';

export interface SenderOptions {
  readonly transport: ForeignTransport;
  readonly isSharded: boolean;
  readonly figures: ForeignFigures;
  readonly maxPayloadBytes: number;
  /** @param reason completes "it" */
  readonly complain: (reason: string) => void;
}

export class Sender {
  readonly #options: SenderOptions;
  #waitingBytes = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** @returns false when it is too large, or too much waits already */
  send(outgoing: Outgoing): boolean {
    const { figures, maxPayloadBytes, complain } = this.#options;
    const isEntry = 'fields' in outgoing;
    const bytes = isEntry ? (outgoing.fields['data']?.length ?? 0) : outgoing.payload.length;
    if (bytes > maxPayloadBytes || this.#waitingBytes + bytes > LIMITS.foreignWaitingBytes) {
      figures.failed++;
      if (bytes > maxPayloadBytes) complain(`has more than ${maxPayloadBytes} bytes`);
      else complain(`finds ${this.#waitingBytes} bytes waiting for Redis`);
      return false;
    }
    this.#waitingBytes += bytes;
    this.#hand(outgoing).then(
      () => {
        this.#waitingBytes -= bytes;
        figures.published++;
      },
      (error: unknown) => {
        this.#waitingBytes -= bytes;
        figures.failed++;
        complain(`was refused: ${error instanceof Error ? error.message : String(error)}`);
      },
    );
    return true;
  }

  #hand(outgoing: Outgoing): Promise<unknown> {
    const { transport, isSharded } = this.#options;
    try {
      if ('fields' in outgoing) return transport.addToStream(outgoing.fields);
      return transport.publish(outgoing.channel, outgoing.payload, isSharded);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }
}
