/**
 * What the small client and the app of `client-app.ts` have to say to each other, in one runtime
 * and over one transport. It imports types only: Bun, Node.js and a page run it, the latter two as
 * the JavaScript that is left without types.
 */

import type { Client, ClientOptions, HoldfastError } from '../../src/client/index.ts';

type Connect = (url: string, options: ClientOptions) => Client;

/**
 * @param options of the client; its `transports` has one
 * @returns what came of it, as JSON has it
 */
export async function converse(
  connect: Connect,
  url: string,
  options: ClientOptions,
): Promise<unknown> {
  const states: unknown[] = [];
  const told: string[] = [];
  const errors: string[] = [];
  const client = connect(url, {
    auth: async () => ({ name: 'ada' }),
    rooms: ['lobby', 'a&b ü'],
    ...options,
    onState: (change) => states.push('reason' in change ? change.reason : change.state),
    onError: (error) => errors.push((error as HoldfastError).code),
  });
  client.on('told', (...values) => told.push(JSON.stringify(values)));
  client.on('question', async (a: number, b: number) => ({ sum: a + b }));

  const early = client.emitWithAck('echo', 'before it was open', null, { deep: ['ü', 1.5] });
  const [user, id, transport] = (await client.emitWithAck('whoami')) as unknown[];
  const isKnown = user === client.user && id === client.id && transport === client.transport;

  await client.join('match');
  await client.join('gone');
  await client.leave('gone');
  const rooms = (await client.emitWithAck('rooms')) as string[];
  for (const room of ['match', 'gone', 'lobby', 'everyone']) client.emit('tell', room, 'hello');

  const numbers = Array.from({ length: 300 }, (_, i) => i);
  for (const number of numbers) client.emit('count', number);
  const counted = (await client.emitWithAck('counted')) as number[];

  const bytes = Uint8Array.from(numbers);
  const [back] = (await client.emitWithAck('echo', bytes)) as [Uint8Array];
  client.emit('tell', 'match', { deep: [bytes.subarray(1, 3)] });
  const answered = await client.emitWithAck('ask', 40, 2);

  const tooLong = 'x'.repeat(2_000_000);
  const refused = [
    await caught(client.join('locked')),
    await caught(client.emitWithAck('fail')),
    await caught(client.emitWithAck('nobody hears this')),
    await caught(client.timeout(50).emitWithAck('slow')),
    await caught(client.emitWithAck('echo', tooLong)),
  ];
  client.emit('echo', tooLong);
  const still = await client.emitWithAck('echo', 'here');
  const [last] = await caught(client.emitWithAck('dismiss'));
  const all = {
    who: { user, transport, isKnown },
    early: await early,
    rooms: rooms.filter((room) => room !== id),
    isInOrder: counted.join() === numbers.join(),
    areBytes: back instanceof Uint8Array && back.join() === bytes.join(),
    answered,
    refused,
    still,
    told,
    end: { last, errors, states, state: client.state },
  };
  return JSON.parse(JSON.stringify(all));
}

async function caught(promise: Promise<unknown>): Promise<unknown[]> {
  try {
    return ['fulfilled', await promise];
  } catch (error) {
    const { code, reason, message, data } = error as HoldfastError;
    return [code, reason, message, data];
  }
}
