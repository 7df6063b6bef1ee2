/** What a worker wants to hear of on the bus, and has not said yet. */

import { NameMap } from '../../../host/runtime/name-map.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';
import { BusFrame } from './bus-frame.ts';

/** Characters of rooms and users in one frame: far below what a frame may hold. */
const FRAME_LENGTH = 262_144;

export class InterestNews {
  readonly #control: FramedConnection;
  readonly #unsaid: NameMap<boolean> = new NameMap();
  #isAnnouncing = false;

  constructor(control: FramedConnection) {
    this.#control = control;
  }

  /** It is said at the end of the turn, if nobody has it said before. */
  set(key: string, interested: boolean): void {
    this.#unsaid.set(key, interested);
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    setImmediate(() => {
      this.#isAnnouncing = false;
      this.announce();
    });
  }

  announce(): void {
    if (this.#unsaid.size === 0) return;
    if (this.#control.open) {
      while (this.#unsaid.size > 0) this.#announceSome();
      this.#control.flush();
    } else this.#unsaid.clear();
  }

  /** As much as one frame holds; it is forgotten only when the frame is there. */
  #announceSome(): void {
    const added: string[] = [];
    const removed: string[] = [];
    let characters = 0;
    for (const [key, isWanted] of this.#unsaid) {
      (isWanted ? added : removed).push(key);
      characters += key.length;
      if (characters > FRAME_LENGTH) break;
    }
    this.#control.frame(BusFrame.interest).texts(added).texts(removed).finish();
    if (added.length + removed.length === this.#unsaid.size) this.#unsaid.clear();
    else for (const key of [...added, ...removed]) this.#unsaid.delete(key);
  }
}
