/**
 * A worker's log on its way to the controller: frames on a socket pair of their own.
 *
 * It is there from the first instruction of the worker to its last, before the bus is connected and
 * after it broke; and what an app prints cannot be taken for it, since that goes elsewhere or comes
 * as text. A logging library would cost each of many workers 15 MB.
 */

import { parsedOrNothing } from '../../../host/foreign/parsed.ts';
import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import { cutText, LOG_LEVELS, type LogFields, type LogLevel } from '../../core/log/log.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';

/** The worker's end of the pair; 0, 1 and 2 are its input, output and errors. */
export const LOG_FD = 3;

const LogFrame = {
  /** level, message, fields as JSON */
  line: 1,
  /** stream, one line of what the app printed */
  text: 2,
} as const;

/** Where an app printed. */
export const OUTPUTS = ['stdout', 'stderr'] as const;
export type Output = (typeof OUTPUTS)[number];

/** Characters of all fields of a line; three bytes each fit a frame with the message. */
const FIELDS_MAX_LENGTH = 12_000;
export const LOG_FRAME_BYTES = 65_536;

/** One thing that a worker says. */
export type WorkerWord =
  | {
      readonly kind: 'line';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields;
    }
  | { readonly kind: 'text'; readonly output: Output; readonly text: string };

/** How a frame is begun on a connection. */
type Begin = (type: number) => FrameWriter;

export function writeLogLine(
  begin: Begin,
  level: LogLevel,
  message: string,
  fields: LogFields = {},
): void {
  const json = fieldsText(fields);
  begin(LogFrame.line).u8(LOG_LEVELS.indexOf(level)).text(message).text(json).finish();
}

export function writeAppText(begin: Begin, output: Output, text: string): void {
  begin(LogFrame.text).u8(OUTPUTS.indexOf(output)).text(text).finish();
}

/** @returns `undefined` for what is no word of a worker @throws RangeError beyond the frame */
export function readWorkerWord(frame: FrameReader, json: ForeignJson): WorkerWord | undefined {
  const at = frame.u8();
  switch (frame.type) {
    case LogFrame.line: {
      const level = LOG_LEVELS[at];
      const message = frame.text();
      return level && { kind: 'line', level, message, fields: fieldsOf(frame.text(), json) };
    }
    case LogFrame.text: {
      const output = OUTPUTS[at];
      return output && { kind: 'text', output, text: frame.text() };
    }
  }
  return undefined;
}

/** As JSON; fields that cannot be that, or are too much of it, are shown as text. */
export function fieldsText(fields: LogFields): string {
  try {
    const json = JSON.stringify(fields);
    if (json.length <= FIELDS_MAX_LENGTH) return json;
    return JSON.stringify({ fields: cutText(json, FIELDS_MAX_LENGTH / 2) });
  } catch (error) {
    return JSON.stringify({ fields: `cannot be shown (${String(error)})` });
  }
}

function fieldsOf(text: string, json: ForeignJson): LogFields {
  const fields = parsedOrNothing(text, json);
  const isRecord = typeof fields === 'object' && fields !== null && !Array.isArray(fields);
  return isRecord ? (fields as LogFields) : { fields: fields ?? text };
}
