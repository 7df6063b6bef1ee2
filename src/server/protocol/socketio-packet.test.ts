import { describe, expect, test } from 'bun:test';
import { decodePacket, RESERVED_EVENTS } from './socketio-packet.ts';

describe('decodePacket', () => {
  test.each([
    '',
    '7',
    '9',
    'a',
    ' 2["a"]',
    '2',
    '2{}',
    '2[]',
    '2[null]',
    '2[true]',
    '2[["a"]]',
    '2["a"]]',
    '2-1["a"]',
    '1{}',
    '0[]',
    '0null',
    '0"token"',
    '3["a"]',
    '31{}',
    '31',
    '4{"message":"x"}',
    '5["a"]',
    '51["a"]',
    '5-["a"]',
    '50-["a"]',
    '511-["a"]',
    '5-1-["a"]',
    '51.5-["a"]',
    `5${'9'.repeat(400)}-["a"]`,
    '51-{}',
    '61-["a"]',
    `2${'9'.repeat(17)}["a"]`,
    '2["a",',
    `2["a",${'['.repeat(300_000)}`,
  ])('refuses %.40p', (text) => {
    expect(decodePacket(text, 10)).toBeUndefined();
  });

  test.each([...RESERVED_EVENTS])('refuses the reserved event %s', (event) => {
    expect(decodePacket(`2["${event}"]`, 10)).toBeUndefined();
    expect(decodePacket(`51-["${event}",{"_placeholder":true,"num":0}]`, 10)).toBeUndefined();
  });

  test('takes the largest ack id that is exact', () => {
    const ackId = Number.MAX_SAFE_INTEGER;
    expect(decodePacket(`2${ackId}["a"]`, 0)).toMatchObject({ ackId });
    expect(decodePacket(`2${ackId + 1}["a"]`, 0)).toBeUndefined();
  });

  test('an ack id of zero is one', () => {
    expect(decodePacket('20["a"]', 0)).toMatchObject({ ackId: 0 });
    expect(decodePacket('30[]', 0)).toMatchObject({ ackId: 0, args: [] });
  });

  test('attachments count up to the bound', () => {
    expect(decodePacket('510-["a"]', 10)).toMatchObject({ attachments: 10 });
  });

  test('names from the prototype of objects are names like any other', () => {
    for (const event of ['__proto__', 'constructor', 'toString']) {
      expect(decodePacket(`2["${event}"]`, 0)).toMatchObject({ type: 'event', event });
    }
    const packet = decodePacket('0{"__proto__":{"isAdmin":true}}', 0);
    expect(packet).toMatchObject({ type: 'connect' });
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});
