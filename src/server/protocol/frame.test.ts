import { describe, expect, test } from 'bun:test';
import { FRAME_HEADER_BYTES, type FrameReader, FrameSplitter, FrameWriter } from './frame.ts';

const MAX_FRAME_BYTES = 1_000;
const WRITER_BYTES = 100_000_000;
const TEXTS = ['', 'plain', 'é語🐟', '\0', 'x'.repeat(200)];
const BYTES = Buffer.from([0, 255, 1, 254]);

/** Three frames of all kinds of fields. */
function writeSample(writer: FrameWriter): void {
  writer.begin(1).u8(255).u32(0xff_ff_ff_ff).text('é語🐟').bytes(BYTES).texts(TEXTS).finish();
  writer.begin(255).finish();
  writer.begin(7).u32(0).raw(BYTES).finish();
}

function sample(): Buffer {
  const writer = new FrameWriter(WRITER_BYTES);
  writeSample(writer);
  return Buffer.from(writer.view());
}

/** Reads one frame of the sample, as plain values. */
function readSample(frame: FrameReader): unknown[] {
  if (frame.type === 1) {
    const numbers = [frame.u8(), frame.u32()];
    return [...numbers, frame.text(), Buffer.from(frame.bytes()), frame.texts()];
  }
  return frame.type === 7 ? [frame.u32(), Buffer.from(frame.rest())] : [frame.rest().length];
}

const SAMPLE_VALUES = [[255, 0xff_ff_ff_ff, 'é語🐟', BYTES, TEXTS], [0], [0, BYTES]];

describe('writer and splitter', () => {
  test('a stream cut at every pair of places gives the same frames', () => {
    const stream = sample();
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second += 13) {
        const splitter = new FrameSplitter(MAX_FRAME_BYTES);
        const values: unknown[] = [];
        const cuts = [0, first, second, stream.length];
        for (let i = 1; i < cuts.length; i++) {
          const chunk = Buffer.from(stream.subarray(cuts[i - 1], cuts[i]));
          expect(splitter.push(chunk, (frame) => values.push(readSample(frame)))).toBe(true);
          chunk.fill(0xee);
        }
        expect(values).toEqual(SAMPLE_VALUES);
      }
    }
  });

  test('a stream that comes byte by byte gives the same frames', () => {
    const splitter = new FrameSplitter(MAX_FRAME_BYTES);
    const values: unknown[] = [];
    for (const byte of sample()) {
      splitter.push(Buffer.of(byte), (frame) => values.push(readSample(frame)));
    }
    expect(values).toEqual(SAMPLE_VALUES);
  });

  test('a frame as long as allowed passes, one byte more does not', () => {
    const frameOf = (bytes: number): Buffer => {
      const writer = new FrameWriter(WRITER_BYTES);
      writer.begin(1).raw(Buffer.alloc(bytes)).finish();
      return Buffer.from(writer.view());
    };
    const count = (stream: Buffer): [boolean, number] => {
      let frames = 0;
      const ok = new FrameSplitter(MAX_FRAME_BYTES).push(stream, () => frames++);
      return [ok, frames];
    };
    expect(count(frameOf(MAX_FRAME_BYTES - 1))).toEqual([true, 1]);
    expect(count(frameOf(MAX_FRAME_BYTES))).toEqual([false, 0]);
    // It is the header that decides: nobody waits for bytes that will be refused.
    expect(count(frameOf(MAX_FRAME_BYTES).subarray(0, FRAME_HEADER_BYTES))).toEqual([false, 0]);
  });

  test('a frame without a type is refused', () => {
    expect(new FrameSplitter(MAX_FRAME_BYTES).push(Buffer.alloc(5), () => {})).toBe(false);
  });

  // Each byte copied a few times at most: a large frame comes in many chunks.
  test('the cost of a large frame grows with its length only', () => {
    const costOf = (bytes: number): number => {
      const writer = new FrameWriter(WRITER_BYTES);
      writer.begin(1).raw(Buffer.alloc(bytes)).finish();
      const stream = Buffer.from(writer.view());
      const splitter = new FrameSplitter(bytes * 2);
      const startedAtMs = performance.now();
      let frames = 0;
      for (let at = 0; at < stream.length; at += 65_536) {
        splitter.push(stream.subarray(at, at + 65_536), () => frames++);
      }
      expect(frames).toBe(1);
      return performance.now() - startedAtMs;
    };
    costOf(1 << 20);
    const small = Math.max(costOf(1 << 20), 1);
    const large = costOf(1 << 24);
    // 16 times the length: 16 times the time when linear, 256 times when each chunk copies all.
    expect(large / small).toBeLessThan(80);
  });
});

describe('writer', () => {
  test('a frame too long for its readers is refused and forgotten', () => {
    const writer = new FrameWriter(100);
    writer.begin(1).raw(Buffer.alloc(99)).finish();
    const before = Buffer.from(writer.view());
    expect(() => writer.begin(2).raw(Buffer.alloc(100)).finish()).toThrow(RangeError);
    expect(Buffer.from(writer.view())).toEqual(before);
    writer.begin(3).u8(7).finish();
    const types: number[] = [];
    const stream = Buffer.from(writer.view());
    new FrameSplitter(100).push(stream, (frame) => types.push(frame.type));
    expect(types).toEqual([1, 3]);
  });

  test('a frame that was begun and not finished leaves nothing behind', () => {
    const writer = new FrameWriter(WRITER_BYTES);
    const fails = (): string => {
      throw new Error('no JSON');
    };
    writer.begin(1).u8(1).finish();
    const length = writer.length;
    expect(() => writer.begin(2).text('half').text(fails()).finish()).toThrow('no JSON');
    expect(writer.length).toBe(length);
    // It may be sent in between, and must then not be half a frame.
    const sent = [Buffer.from(writer.take())];
    writer.begin(3).u8(3).finish();
    sent.push(Buffer.from(writer.view()));
    const types: number[] = [];
    const splitter = new FrameSplitter(MAX_FRAME_BYTES);
    for (const chunk of sent) splitter.push(chunk, (frame) => types.push(frame.type));
    expect(types).toEqual([1, 3]);
  });

  test('begins anew after its frames were taken or forgotten', () => {
    const writer = new FrameWriter(WRITER_BYTES);
    writeSample(writer);
    const taken = Buffer.from(writer.take());
    expect(writer.length).toBe(0);
    writeSample(writer);
    expect(Buffer.from(writer.view())).toEqual(taken);
    writer.clear();
    expect(writer.length).toBe(0);
    writeSample(writer);
    expect(Buffer.from(writer.view())).toEqual(taken);
  });

  test('what was taken is not written over', () => {
    const writer = new FrameWriter(WRITER_BYTES);
    writeSample(writer);
    const taken = writer.take();
    writer.begin(9).raw(Buffer.alloc(500, 9)).finish();
    expect(sample().equals(taken)).toBe(true);
  });

  test('fields larger than its buffer, of every kind', () => {
    const text = '語'.repeat(300_000);
    const bytes = Buffer.alloc(900_000, 3);
    const writer = new FrameWriter(WRITER_BYTES);
    writer.begin(1).text(text).bytes(bytes).text('end').finish();
    const chunk = Buffer.from(writer.view());
    let read: unknown[] = [];
    new FrameSplitter(10_000_000).push(chunk, (frame) => {
      read = [frame.text(), frame.bytes().equals(bytes), frame.text()];
    });
    expect(read).toEqual([text, true, 'end']);
  });

  test('text that is no valid Unicode does not shift what follows', () => {
    const writer = new FrameWriter(WRITER_BYTES);
    writer.begin(1).text('\ud83d').u8(7).finish();
    new FrameSplitter(MAX_FRAME_BYTES).push(Buffer.from(writer.view()), (frame) => {
      expect([frame.text(), frame.u8()]).toEqual(['\ufffd', 7]);
    });
  });
});

describe('reader', () => {
  const frames = (write: (writer: FrameWriter) => void): FrameReader[] => {
    const writer = new FrameWriter(WRITER_BYTES);
    write(writer);
    const found: FrameReader[] = [];
    new FrameSplitter(MAX_FRAME_BYTES).push(Buffer.from(writer.view()), (f) => found.push(f));
    return found;
  };

  test.each<[string, (frame: FrameReader) => unknown]>([
    ['u8', (frame) => frame.u8()],
    ['u32', (frame) => frame.u32()],
    ['text', (frame) => frame.text()],
    ['bytes', (frame) => frame.bytes()],
    ['texts', (frame) => frame.texts()],
  ])('%s beyond the end of the frame is an error, even with a frame behind', (_name, read) => {
    const [empty] = frames((writer) => {
      writer.begin(2).finish();
      writer.begin(3).raw(Buffer.alloc(64)).finish();
    });
    expect(() => read(empty as FrameReader)).toThrow(RangeError);
  });

  test('a length beyond the frame is an error', () => {
    const [text, list] = frames((writer) => {
      writer.begin(1).u32(5).raw(Buffer.from('four')).finish();
      writer.begin(1).u32(0xff_ff_ff_ff).text('a').finish();
    });
    expect(() => text?.text()).toThrow(RangeError);
    expect(() => list?.texts()).toThrow(RangeError);
  });
});
