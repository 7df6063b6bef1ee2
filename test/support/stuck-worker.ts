/** A worker with sessions, as the hub of the bus sees it, that has stopped reading. */

import { LIMITS } from '../../src/server/core/limits/limits.ts';
import { BusFrame, Channel } from '../../src/server/links/bus/bus-frame.ts';
import type { Hub } from '../../src/server/links/bus/hub.ts';
import { connectFramed, FramedConnection } from '../../src/server/links/ipc/framed-connection.ts';
import type { FrameReader } from '../../src/server/protocol/frame.ts';
import { namespaceKey } from '../../src/server/protocol/interest-key.ts';
import { eventually } from '../system/eventually.ts';

export class StuckWorker {
  readonly link: FramedConnection;
  /** Those that it has read after all. */
  frames = 0;
  /** Of them, the offsets of messages that rooms keep. */
  readonly offsets: number[] = [];

  private constructor() {
    this.link = new FramedConnection(
      { onFrame: (_link, frame) => this.#take(frame), onFault: () => {}, onClose: () => {} },
      LIMITS.ipcFrameBytes,
    );
  }

  static async start(number: number, path: string, hub: Hub): Promise<StuckWorker> {
    const stuck = new StuckWorker();
    const { link } = stuck;
    await connectFramed(path, link);
    const before = hub.interest.entryCount;
    link.frame(BusFrame.hello).u32(number).u32(0).u8(Channel.messages).finish();
    link.frame(BusFrame.joined).finish();
    link
      .frame(BusFrame.interest)
      .texts([namespaceKey('/')])
      .texts([])
      .finish();
    link.send();
    const isMore = (count: number): boolean => count > before;
    await eventually('the hub knows it', () => hub.interest.entryCount, isMore);
    link.setReading(false);
    return stuck;
  }

  #take(frame: FrameReader): void {
    this.frames++;
    if (frame.type === BusFrame.kept) this.offsets.push(frame.u53());
  }

  /** Reads a little at a time. */
  async takeSlowly(isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      this.link.setReading(true);
      await Bun.sleep(1);
      this.link.setReading(false);
    }
  }
}
