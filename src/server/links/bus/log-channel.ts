/**
 * Both ends of a worker's log. The worker's hands lines over at once, and never waits for who
 * reads.
 *
 * A controller that stands still finds what the queue holds when it goes on; one that is gone takes
 * no more. What is not taken is dropped and counted, and the worker goes on serving. When the
 * channel is broken, as by an app that writes to descriptors that are not its own, what is said
 * goes to standard error as text, which the controller reads as it reads what apps print.
 */

import { foreignJson } from '../../../host/foreign/parsed.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { WriteLine } from '../../core/log/bounded-log.ts';
import { adoptFramed, FramedConnection } from '../ipc/framed-connection.ts';
import {
  fieldsText,
  LOG_FRAME_BYTES,
  type Output,
  readWorkerWord,
  type WorkerWord,
  writeAppText,
  writeLogLine,
} from './log-line.ts';

export class LogChannel {
  readonly #counters: Counters;
  readonly #lastResort: (text: string) => void;
  readonly #link: FramedConnection;
  #isLost = false;

  /** @param lastResort takes a text when the channel is broken; it may throw, and MUST NOT wait */
  constructor(counters: Counters, lastResort: (text: string) => void) {
    this.#counters = counters;
    this.#lastResort = lastResort;
    this.#link = new FramedConnection(
      {
        onFrame: () => {},
        onFault: () => {},
        onClose: () => {
          this.#isLost = true;
        },
      },
      LOG_FRAME_BYTES,
    );
  }

  /** Lines said before wait for it. */
  async open(fd: number): Promise<void> {
    try {
      await adoptFramed(fd, this.#link);
    } catch {
      this.#isLost = true;
    }
  }

  readonly line: WriteLine = (level, message, fields) =>
    this.#send(
      () => writeLogLine(this.#begin, level, message, fields),
      () => `${level}: ${message}${fields === undefined ? '' : ` ${fieldsText(fields)}`}`,
    );

  text(output: Output, text: string): void {
    this.#send(
      () => writeAppText(this.#begin, output, text),
      () => text,
    );
  }

  readonly #begin = (type: number): ReturnType<FramedConnection['frame']> => this.#link.frame(type);

  /** At once, since the next thing that happens may be the worker's end. */
  #send(write: () => void, text: () => string): void {
    try {
      if (this.#isLost) {
        this.#lastResort(`${text()}\n`);
        return;
      }
      if (this.#link.queuedBytes > LIMITS.logQueueBytes) {
        this.#counters.logLinesLost++;
        return;
      }
      write();
      this.#link.flush();
    } catch {
      this.#counters.logLinesLost++;
    }
  }
}

/**
 * The controller's end. What comes and is no word of a worker says nothing.
 *
 * @param onBroken something came that was no frame: no more is read
 * @returns lets go of it
 */
export async function followLog(
  fd: number,
  onWord: (word: WorkerWord) => void,
  onBroken: () => void = () => {},
): Promise<() => void> {
  const json = foreignJson();
  const link = new FramedConnection(
    {
      onFrame: (_link, frame) => {
        const word = readWorkerWord(frame, json);
        if (word !== undefined) onWord(word);
      },
      onFault: () => {},
      onClose: (_link, fault) => {
        if (fault !== undefined) onBroken();
      },
    },
    LOG_FRAME_BYTES,
  );
  try {
    await adoptFramed(fd, link);
  } catch {
    // The worker has ended already.
  }
  return () => link.close();
}
