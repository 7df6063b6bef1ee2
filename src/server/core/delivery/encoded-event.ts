/**
 * One event on its way out: arguments encoded once, then once more per wire format.
 *
 * A broadcast to 20,000 sessions shares one of these, so the cost of encoding does not grow with
 * the audience.
 */

import { encodeArguments } from '../../protocol/binary-payload.ts';
import { RESERVED_EVENTS } from '../../protocol/socketio-packet.ts';
import type { OutgoingEvent, SharedText, WireFormat } from '../contracts/outgoing-event.ts';
import { LIMITS } from '../limits/limits.ts';

export interface EventOptions {
  readonly volatile?: boolean;
  readonly ackId?: number | undefined;
  /** Its position in the history of its rooms. */
  readonly position?: string | undefined;
}

/** @throws TypeError for what is no text, or holds halves of surrogate pairs */
export function checkEventName(event: string): void {
  if (typeof event === 'string' && event.isWellFormed()) return;
  throw new TypeError(
    "an event's name must be a text without halves of surrogate pairs: choose another event name",
  );
}

export class EncodedEvent implements OutgoingEvent {
  readonly namespace: string;
  readonly json: string;
  readonly attachments: readonly Uint8Array[];
  readonly volatile: boolean;
  readonly ackId: number | undefined;
  readonly isKept: boolean;
  mark: string | undefined;
  readonly bytes: number;
  readonly #encoded: (SharedText | undefined)[] = [];

  constructor(
    namespace: string,
    json: string,
    attachments: readonly Uint8Array[],
    options: EventOptions = {},
  ) {
    this.namespace = namespace;
    this.json = json;
    this.attachments = attachments;
    this.volatile = options.volatile ?? false;
    this.ackId = options.ackId;
    this.mark = options.position;
    this.isKept = options.position !== undefined;
    this.bytes = attachments.reduce(
      (sum, { byteLength }) => sum + byteLength,
      json.length + LIMITS.packetOverheadBytes,
    );
  }

  /**
   * Encodes the arguments of an emit.
   *
   * @throws TypeError for a reserved event name, a callback, or values that JSON cannot hold
   */
  static create(
    namespace: string,
    event: string,
    args: readonly unknown[],
    options?: EventOptions,
  ): EncodedEvent {
    checkEventName(event);
    if (RESERVED_EVENTS.has(event)) {
      throw new TypeError(`'${event}' cannot be emitted: choose another event name`);
    }
    if (typeof args.at(-1) === 'function') {
      throw new TypeError('emit takes no callback: await emitWithAck(…) instead');
    }
    const { json, attachments } = encodeArguments([event, ...args], LIMITS.argumentDepth);
    return new EncodedEvent(namespace, json, attachments, options);
  }

  /** The same event as a question. */
  asking(ackId: number): EncodedEvent {
    const { namespace, json, attachments } = this;
    return new EncodedEvent(namespace, json, attachments, { volatile: this.volatile, ackId });
  }

  /** The text of this event in a wire format. */
  encodedFor(format: WireFormat): SharedText {
    return (this.#encoded[format.index] ??= { text: format.encode(this), frame: undefined });
  }
}
