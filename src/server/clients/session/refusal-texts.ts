/** What senders of messages that are refused are told, whatever they speak. */

import type { JsonFault } from '../../../host/runtime/foreign-json.ts';
import type { Taken } from '../../core/app/handler-runner.ts';
import type { Reason } from '../../core/limits/reasons.ts';

/** Of a message that was not read. */
export const NOT_READ: Readonly<Record<JsonFault, string>> = {
  tooManyKeys: 'the message has too many different keys',
  nestedTooDeep: 'the message is nested too deeply',
  stringsCollide: 'the message has texts that are made to collide',
};

/** Of an event that was read and not taken. */
export const NOT_TAKEN: Readonly<
  Record<Exclude<Taken, 'taken' | 'unheard'>, { reason: Reason; message: string }>
> = {
  tooOften: { reason: 'eventTooOften', message: 'this event came too often' },
  flooding: { reason: 'handlersRunning', message: 'too many unfinished events' },
};

/** What a client is told that sends so much that waiting would not help. */
export const TOO_FAST = 'too many messages';
