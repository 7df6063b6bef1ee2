/** Messages of a client, right, wrong and in between. */

import { mutateText, nested } from './mutation.ts';
import type { Random } from './random.ts';

const EVENTS = [
  ...['echo', 'back', 'slow', 'fail', 'join', 'leave', 'tell', 'shout', 'ask', 'leave-me'],
  ...['close-me', '__proto__', 'constructor', 'toString', 'connect', 'disconnect', '', '0'],
] as const;
const NAMESPACES = ['', '', '', '/custom,', '/unknown,', '/,', '/__proto__,', '/custom'] as const;

const placeholder = (num: unknown): object => ({ _placeholder: true, num });

/** The messages of one client, without the Engine.IO type: text, or the bytes of an attachment. */
export function randomMessages(random: Random): (string | Buffer)[] {
  const messages: (string | Buffer)[] = random.chance(0.8) ? ['0'] : [];
  for (let count = random.below(6); count > 0; count--) messages.push(...oneMessage(random));
  return messages;
}

function oneMessage(random: Random): (string | Buffer)[] {
  const ways = [plainEvent, plainEvent, binaryEvent, strange, damaged, control];
  return random.pick(ways)(random);
}

function plainEvent(random: Random): string[] {
  const args = Array.from({ length: random.below(4) }, () => random.value(4, false));
  const ackId = random.chance(0.5) ? random.below(100) : '';
  const json = JSON.stringify([random.pick(EVENTS), ...args]);
  return [`2${random.pick(NAMESPACES)}${ackId}${json}`];
}

/** A binary event whose number of attachments, placeholders and bytes may disagree. */
function binaryEvent(random: Random): (string | Buffer)[] {
  const count = random.below(4);
  const said = random.chance(0.7) ? count : random.pick([0, 1, 10, 11, 999_999, 1e30]);
  const args = Array.from({ length: count }, (_, index) =>
    random.chance(0.8) ? placeholder(index) : placeholder(random.value(1, false)),
  );
  const sent = random.chance(0.8) ? count : random.below(12);
  const bytes = Array.from({ length: sent }, () => random.bytes(50));
  const type = random.chance(0.8) ? 5 : 6;
  return [`${type}${said}-${JSON.stringify([random.pick(EVENTS), ...args])}`, ...bytes];
}

function damaged(random: Random): (string | Buffer)[] {
  return oneMessage(random).map((message) =>
    typeof message === 'string' ? mutateText(random, message) : message,
  );
}

function control(random: Random): string[] {
  const namespace = random.pick(NAMESPACES);
  return [random.pick([`0${namespace}`, `1${namespace}`, `3${namespace}1[]`, `4${namespace}{}`])];
}

/** What is large, deep, or named like a part of JavaScript itself. */
function strange(random: Random): (string | Buffer)[] {
  const size = 1 + random.below(60_000);
  return random.pick<() => (string | Buffer)[]>([
    () => [`2["echo",${nested(random.below(20_000))}]`],
    () => [`20["back",${nested(1 + random.below(200))}]`],
    () => [`2["${'e'.repeat(size)}"]`],
    () => [`21["echo","${'x'.repeat(size)}"]`],
    () => [`2["join","${'r'.repeat(random.below(400))}"]`],
    () => [`2["join",${JSON.stringify(random.value(2, false))}]`],
    () => [`2${'9'.repeat(random.below(400))}["echo"]`],
    () => [`5${'9'.repeat(random.below(400))}-["echo"]`],
    () => ['0{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'],
    () => ['23["echo",{"__proto__":{"polluted":1}},{"constructor":{"prototype":{"polluted":1}}}]'],
    () => ['51-4["back",{"__proto__":{"_placeholder":true,"num":0}}]', random.bytes(9)],
    () => [`0{"refuse":"${'x'.repeat(random.below(100))}"}`],
    () => Array.from({ length: 300 }, () => '2["slow",1]'),
    () => [random.text(200)],
    () => [random.bytes(200)],
  ])();
}
