/** What has the admin port may be no node, or mean harm. */
import { afterEach, describe, expect, test } from 'bun:test';
import { BroadcastUrl, HoldfastNode } from './holdfast-node.ts';

let server: Bun.Server<undefined> | undefined;
afterEach(async () => {
  await server?.stop(true);
  server = undefined;
});

function serve(fetch: (request: Request) => Response | Promise<Response>): string {
  server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch });
  return `http://127.0.0.1:${server.port}`;
}

const endless = () => {
  const chunk = new Uint8Array(65_536).fill(0x20);
  return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }));
};
const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => '',
    (error: unknown) => (error as Error).message,
  );

describe('its load', () => {
  test('is read', async () => {
    const node = new HoldfastNode(
      serve(() => Response.json({ connections: 5, capacity: 9, workers: [] })),
      undefined,
    );
    await node.check();
    expect(await node.load()).toMatchObject({ connections: 5, capacity: 9 });
  });

  test.each<[string, () => Response]>([
    ['a text for a number', () => Response.json({ connections: '5', capacity: 9 })],
    ['less than nothing', () => Response.json({ connections: -5, capacity: 9 })],
    ['a number that is none', () => new Response('{"connections":1e999,"capacity":9}')],
    ['nothing', () => Response.json(null)],
    ['no JSON', () => new Response('<html>')],
    ['no end', endless],
    ['an error', () => Response.json({ connections: 5, capacity: 9 }, { status: 500 })],
    ['another address', () => Response.redirect('http://127.0.0.1:1/', 307)],
  ])('is not known where the answer has %s', async (_what, answer) => {
    const node = new HoldfastNode(serve(answer), undefined);
    expect(await node.load()).toBeUndefined();
    expect(await failureOf(node.check())).toContain('is not the admin API of a Holdfast node');
  });
});

describe('a broadcast', () => {
  test('that was taken was, whatever is said to it, and however long', async () => {
    const url = serve(endless);
    await new BroadcastUrl(url).send('x');
    await new HoldfastNode(url, undefined).send('x');
  });

  test('that was not is told with the beginning of the answer', async () => {
    const url = serve(() => new Response('No. '.repeat(100_000), { status: 500 }));
    const message = await failureOf(new BroadcastUrl(url).send('x'));
    expect(message).toStartWith(`${url} answered HTTP 500: No. No. `);
    expect(message.length).toBeLessThan(300);
  });

  test('goes where it was sent, with its token, and nowhere else', async () => {
    const heard: string[] = [];
    const url = serve((request) => {
      heard.push(new URL(request.url).pathname);
      return Response.redirect('/elsewhere', 308);
    });
    const node = new HoldfastNode(url, 'a-token-of-a-test');
    expect(await failureOf(node.send('x'))).toContain('answered HTTP 308');
    expect(heard).toEqual(['/send']);
  });
});
