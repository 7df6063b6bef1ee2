import { expect, test } from 'bun:test';
import { rapidhashNames } from '../../../../test/support/hostile-names.ts';
import { foreignJson } from '../../../host/foreign/parsed.ts';
import type { LogFields } from '../../core/log/log.ts';
import { type FrameReader, FrameSplitter, FrameWriter } from '../../protocol/frame.ts';
import {
  LOG_FRAME_BYTES,
  readWorkerWord,
  type WorkerWord,
  writeAppText,
  writeLogLine,
} from './log-line.ts';

function sent(write: (writer: FrameWriter) => void): (WorkerWord | undefined)[] {
  const writer = new FrameWriter(LOG_FRAME_BYTES);
  write(writer);
  const json = foreignJson();
  const words: (WorkerWord | undefined)[] = [];
  const take = (frame: FrameReader): number => words.push(readWorkerWord(frame, json));
  expect(new FrameSplitter(LOG_FRAME_BYTES).push(Buffer.from(writer.view()), take)).toBe(true);
  return words;
}

const lineOf = (fields?: LogFields): WorkerWord | undefined =>
  sent((writer) => writeLogLine((type) => writer.begin(type), 'warn', 'it is late', fields))[0];

test('fields that are made to collide come as text', () => {
  const names = rapidhashNames(200);
  const line = lineOf(Object.fromEntries(names.map((name) => [name, 1]))) as { fields: LogFields };
  expect(Object.keys(line.fields)).toEqual(['fields']);
  expect(line.fields['fields']).toContain(names[199] as string);
});

test('a line and a text arrive as what they were', () => {
  expect(lineOf({ lagMs: 7 })).toEqual({
    kind: 'line',
    level: 'warn',
    message: 'it is late',
    fields: { lagMs: 7 },
  });
  const forged = '{"level":"error","message":"x"}';
  expect(sent((writer) => writeAppText((type) => writer.begin(type), 'stderr', forged))).toEqual([
    { kind: 'text', output: 'stderr', text: forged },
  ]);
});

test.each<[string, LogFields]>([
  ['what JSON cannot hold', { many: 1n }],
  ['what contains itself', Object.assign({}, { self: [] as unknown[] })],
  ['what throws when it is read', Object.defineProperty({}, 'x', { enumerable: true, get: fail })],
])('%s does not keep a line from arriving', (_name, fields) => {
  const self = fields['self'];
  if (Array.isArray(self)) self.push(self);
  const word = lineOf(fields);
  expect(word).toMatchObject({ kind: 'line', message: 'it is late' });
});

test('the longest line fits a frame, whatever its characters', () => {
  for (const character of ['x', '語', '\0', '"', '\ud83d']) {
    const text = character.repeat(4_000);
    const fields = { a: text, b: text, c: [text] };
    const [word] = sent((writer) =>
      writeLogLine((type) => writer.begin(type), 'warn', text, fields),
    );
    expect(word?.kind).toBe('line');
    const [line] = sent((writer) =>
      writeAppText((type) => writer.begin(type), 'stdout', character.repeat(8_001)),
    );
    expect(line?.kind).toBe('text');
  }
});

test('frames that no worker writes say nothing', () => {
  const words = sent((writer) => {
    writer.begin(1).u8(9).text('no such level').text('{}').finish();
    writer.begin(2).u8(9).text('no such stream').finish();
    writer.begin(77).u8(0).finish();
    writer.begin(1).u8(0).text('fields that are none').text('[1').finish();
  });
  expect(words).toEqual([
    ...[undefined, undefined, undefined],
    { kind: 'line', level: 'debug', message: 'fields that are none', fields: { fields: '[1' } },
  ]);
});

function fail(): never {
  throw new Error('no');
}
