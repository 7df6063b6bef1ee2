/** Shows on stderr how a run goes: one line that is rewritten in a terminal, else some lines. */
import type { FleetStatus } from '../fleet/coordinator/status.ts';
import { printable } from '../host/foreign/printable.ts';
import type { FleetEvent } from '../report/recording/record.ts';
import { progressText } from './fleet-text.ts';

/** Where nothing can be rewritten, a line each so many seconds. */
const QUIET_SECONDS = 5;

/** The part of `process.stderr` that is needed. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export class FleetProgress {
  readonly #screen: Screen;
  #hasLine = false;
  #seconds = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  second(status: FleetStatus): void {
    const text = progressText(status);
    if (this.#screen.isTTY) {
      const columns = this.#screen.columns ?? 80;
      this.#screen.write(`\r\x1b[2K${text.slice(0, columns - 1)}`);
      this.#hasLine = true;
    } else if (this.#seconds++ % QUIET_SECONDS === 0) {
      this.line(text);
    }
  }

  event({ what, text }: FleetEvent): void {
    // The phase stands in every line of progress.
    if (what !== 'phase') this.line(`${what}: ${text}`);
  }

  line(text: string): void {
    this.end();
    this.#screen.write(`${printable(text)}\n`);
  }

  /** Leaves the line that is being rewritten as it stands. */
  end(): void {
    if (this.#hasLine) this.#screen.write('\n');
    this.#hasLine = false;
  }
}
