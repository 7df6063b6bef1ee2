/** What has the admin or the control port may be another program, or mean harm. */
import { afterEach, describe, expect, test } from 'bun:test';
import { Command } from 'commander';
import { processReport } from '../server/controller/process-schema.ts';
import { loadReport, REPORT_BYTES_MAX, sendReceipt } from './admin-answers.ts';
import { callAdmin } from './admin-client.ts';
import { CliError } from './cli-error.ts';
import { fleetStatusCommand } from './fleet-control.ts';

let server: Bun.Server<undefined> | undefined;
afterEach(async () => {
  await server?.stop(true);
  server = undefined;
});

function serve(answer: () => Response): string {
  server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer });
  return `http://127.0.0.1:${server.port}`;
}

const endless = () => {
  const chunk = new Uint8Array(65_536).fill(0x20);
  return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }));
};
const worker = { index: 0, pid: 1, port: null, connections: 0, capacity: 0 };
const transports = { polling: 0, websocket: 0, sse: 0, stream: 0 };
const load = { connections: 0, capacity: 0, transports };

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const calls = {
  '/process': { path: '/process', answer: processReport, maxBytes: REPORT_BYTES_MAX },
  '/load': { path: '/load', answer: loadReport, maxBytes: REPORT_BYTES_MAX },
  '/send': { path: '/send', body: {}, answer: sendReceipt, maxBytes: REPORT_BYTES_MAX },
} as const;

describe('an answer of another shape is refused with its place', () => {
  test.each<[keyof typeof calls, object | null, string]>([
    ['/process', { nodes: [], workers: [] }, ' at "bus"'],
    ['/process', { nodes: {}, workers: [], bus: {} }, ' at "nodes"'],
    ['/load', { ...load, workers: [null] }, ' at "workers.0"'],
    ['/load', { ...load, workers: [worker] }, ' at "workers.0.transports"'],
    ['/load', { ...load, workers: Array.from({ length: 70_000 }, () => 0) }, ' at "workers"'],
    ['/load', null, ''],
    ['/send', { accepted: true, id: 5 }, ' at "id"'],
    ['/send', { accepted: true, id: 'x'.repeat(100_000) }, ' at "id"'],
    ['/send', [], ''],
  ])('%s %#', async (path, answer, place) => {
    const admin = serve(() => Response.json(answer));
    const error = await failureOf(callAdmin<unknown>({ admin, adminPort: '' }, calls[path]));
    expect(error).toBeInstanceOf(CliError);
    expect((error as Error).message).toBe(
      `${admin}${path} is not the admin API of a Holdfast node (its answer is of another shape` +
        `${place}): correct the address.`,
    );
  });
});

test.each<[string, () => Response, string]>([
  ['no end', endless, '(its answer is longer than 1048576 bytes)'],
  ['no JSON', () => new Response('<html>'), '(its answer is no JSON)'],
  ['another address', () => Response.redirect('/elsewhere', 307), '(HTTP 307)'],
  ['an error page', () => new Response('<html>', { status: 502 }), '(HTTP 502)'],
  ['an error without end', () => new Response(endless().body, { status: 500 }), '(HTTP 500)'],
])('an answer with %s is no answer of a node, nor of a run', async (_what, answer, why) => {
  const url = serve(answer);
  const error = await failureOf(callAdmin({ admin: url, adminPort: '' }, calls['/load']));
  expect((error as Error).message).toBe(
    `${url}/load is not the admin API of a Holdfast node ${why}: correct the address.`,
  );
  const program = new Command().addCommand(fleetStatusCommand());
  const status = program.parseAsync(['status', '--control', url], { from: 'user' });
  expect(((await failureOf(status)) as Error).message).toBe(
    `${url} is not the control API of a run ${why}: correct the address.`,
  );
});

test('a status of another shape is refused, not shown as far as it goes', async () => {
  const url = serve(() => Response.json({ phase: 'hold', agents: [] }));
  const program = new Command().addCommand(fleetStatusCommand());
  const status = program.parseAsync(['status', '--control', url], { from: 'user' });
  expect(((await failureOf(status)) as Error).message).toContain('of another shape at "run"');
});
