/** A worker profiles itself when the controller asks, and says what came of it. */

import type { FrameWriter } from '../../protocol/frame.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';
import { BusFrame } from './bus-frame.ts';
import { PROFILE_BYTES_MAX, type WorkerProfile } from './worker-profile.ts';

export interface Profiled {
  /** Rejects with a clause that says why there is no profile. */
  profile(seconds: number): Promise<WorkerProfile>;
}

export async function answerProfile(
  control: FramedConnection,
  id: number,
  seconds: number,
  worker: Profiled,
): Promise<void> {
  const writer = (isDone: boolean): FrameWriter =>
    control
      .frame(BusFrame.profiled)
      .u32(id)
      .u8(isDone ? 1 : 0);
  try {
    const json = Buffer.from(JSON.stringify(await worker.profile(seconds)));
    if (json.byteLength > PROFILE_BYTES_MAX) {
      throw new Error('its profile is larger than 32 MiB, so take fewer seconds');
    }
    writer(true).raw(json).finish();
  } catch (error) {
    writer(false)
      .text(error instanceof Error ? error.message : String(error))
      .finish();
  }
  control.send();
}
