import { describe, expect, test } from 'bun:test';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { MarkReader } from './broadcast-mark.ts';
import { broadcastMark } from './contract.ts';

const NOW_MICROS = 1_795_000_000_123_456;

describe('mark of a broadcast', () => {
  test.each([
    ['alone', ['', '']],
    ['in a Socket.IO event', ['42["fleet","', '"]']],
    ['after text of many bytes', ['é語🐟', 'é語🐟']],
    ['after what only begins like one', ['fleet:x fleet: fleet:7 fleet:7:x; ', '']],
    ['after a mark without its number', ['fleet:;fleet::5;', '']],
  ])('is found %s', (_where, [before, after]) => {
    const reader = new MarkReader();
    const bytes = Buffer.from(before! + broadcastMark(12_345, NOW_MICROS) + after!);
    expect(reader.read(bytes, 0, bytes.length)).toBe(true);
    expect(reader.sequence).toBe(12_345);
    expect(reader.atMicros).toBe(NOW_MICROS);
  });

  test('its time is whole microseconds, whatever the clock gave', () => {
    const reader = new MarkReader();
    const bytes = Buffer.from(broadcastMark(1, NOW_MICROS / 3));
    expect(reader.read(bytes, 0, bytes.length)).toBe(true);
    expect(reader.atMicros).toBe(Math.round(NOW_MICROS / 3));
  });

  test.each(['fleet:99999999999999999999:1;', 'fleet:1:99999999999999999999;'])(
    '%p has a number that no fleet sent',
    (text) => {
      const bytes = Buffer.from(text);
      expect(new MarkReader().read(bytes, 0, bytes.length)).toBe(false);
    },
  );

  test('the first of two counts', () => {
    const reader = new MarkReader();
    const bytes = Buffer.from(broadcastMark(4, 1) + broadcastMark(5, 2));
    expect(reader.read(bytes, 0, bytes.length)).toBe(true);
    expect(reader.sequence).toBe(4);
  });

  test.each([
    'hello',
    '',
    'fleet:',
    'fleet:1',
    'fleet:1:',
    'fleet:1:2',
    'fleet:1:x;',
    'fleet:-1:2;',
    'Fleet:1:2;',
    'fleet:1;2:',
  ])('is not in %p', (text) => {
    const bytes = Buffer.from(text);
    expect(new MarkReader().read(bytes, 0, bytes.length)).toBe(false);
  });

  test('only the message itself is read, not what lies around it', () => {
    const reader = new MarkReader();
    const mark = broadcastMark(9, 1_000);
    const bytes = Buffer.from(`${mark}inside${mark}`);
    expect(reader.read(bytes, mark.length, bytes.length - mark.length)).toBe(false);
    // The end may cut through the mark anywhere.
    for (let cut = 1; cut < mark.length; cut++) {
      expect(reader.read(bytes, mark.length, bytes.length - cut)).toBe(false);
      expect(reader.read(bytes, cut, mark.length)).toBe(false);
    }
    expect(reader.read(bytes, mark.length, bytes.length)).toBe(true);
  });

  test('many short messages in one chunk take time in proportion to its length', () => {
    const reader = new MarkReader();
    const millisecondsFor = (messages: number): number => {
      const bytes = Buffer.from('0123456789'.repeat(messages));
      const start = cpuMs();
      for (let at = 0; at < bytes.length; at += 10) reader.read(bytes, at, at + 10);
      return cpuMs() - start;
    };
    millisecondsFor(20_000);
    // Reading on to the end of the chunk each time would make it 256 times as long.
    expect(millisecondsFor(64_000)).toBeLessThan(60 * (millisecondsFor(4_000) + 1));
  });
});
