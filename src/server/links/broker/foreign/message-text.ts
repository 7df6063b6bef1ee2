/** Messages of strangers, JSON or MessagePack, as values; messages of this node as bytes. */

import { foreignJson } from '../../../../host/foreign/parsed.ts';
import { type ForeignJson, ForeignJsonError } from '../../../../host/runtime/foreign-json.ts';
import { LIMITS } from '../../../core/limits/limits.ts';
import { ForeignFault } from './foreign-fault.ts';
import { type Fields, fieldsOf } from './foreign-values.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { MsgpackWriter } from './msgpack-writer.ts';

const OPEN_BRACE = 0x7b;
/** What a message of this node wraps around arguments is nested a few levels itself. */
const ENVELOPE_DEPTH = 8;
const DEPTH_MAX: number = LIMITS.argumentDepth + ENVELOPE_DEPTH;

/** A message that was read: placeholders stand in its fields for binary values. */
export interface ReadMessage {
  readonly fields: Fields;
  readonly attachments: readonly Uint8Array[];
}

export class MessageText {
  readonly #json: ForeignJson = foreignJson();
  readonly #writer: MsgpackWriter = new MsgpackWriter();

  /** @throws ForeignFault when it is neither JSON nor MessagePack of an object */
  read(payload: Uint8Array): ReadMessage {
    if (payload[0] !== OPEN_BRACE) return this.readMsgpack(payload);
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    const fields = fieldsOf(this.parsed(bytes.toString('utf8')), 'fields');
    return { fields, attachments: [] };
  }

  readMsgpack(payload: Uint8Array): ReadMessage {
    const reader = this.reader(payload);
    const text = reader.jsonText();
    reader.end();
    return { fields: fieldsOf(this.parsed(text), 'fields'), attachments: reader.attachments };
  }

  reader(payload: Uint8Array): MsgpackReader {
    return new MsgpackReader(payload, DEPTH_MAX);
  }

  /** @throws ForeignFault for what is no JSON, or would do harm */
  parsed(text: string): unknown {
    try {
      return this.#json.parse(text);
    } catch (error) {
      if (error instanceof ForeignJsonError) throw new ForeignFault(error.message);
      if (error instanceof SyntaxError) throw new ForeignFault('is no JSON');
      throw error;
    }
  }

  /** JSON as it is, unless there are binary values: then MessagePack. */
  write(json: string, attachments: readonly Uint8Array[]): Buffer {
    return attachments.length === 0 ? Buffer.from(json) : this.writeMsgpack(json, attachments);
  }

  writeMsgpack(json: string, attachments: readonly Uint8Array[]): Buffer {
    return this.#writer.encode(json, attachments, DEPTH_MAX);
  }
}
