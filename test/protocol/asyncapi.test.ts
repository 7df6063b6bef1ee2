/** The description of the plain protocol for machines: whole, and with all of the page. */

import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { ROOT } from '../support/holdfast-process.ts';

const FOLDER = join(ROOT, 'docs', 'protocol');
const SCHEMA = './messages.schema.json';

type Node = Readonly<Record<string, unknown>>;

const page = await Bun.file(join(ROOT, 'docs', 'PROTOCOL.md')).text();
const text = await Bun.file(join(FOLDER, 'asyncapi.yaml')).text();
const document = Bun.YAML.parse(text) as Node;
const schema = (await Bun.file(join(FOLDER, SCHEMA)).json()) as Node;

/** What a reference leads to; undefined when there is nothing. */
function resolved(reference: string): unknown {
  const [file = '', pointer = ''] = reference.split('#');
  let at: unknown = file === '' ? document : file === SCHEMA ? schema : undefined;
  for (const key of pointer.split('/').slice(1)) at = (at as Node | undefined)?.[key];
  return at;
}

/** All references below a node. */
function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' ? [String(value)] : referencesIn(value),
  );
}

/** The values that `type` may have in what a reference leads to. */
function typesAt(reference: string): unknown[] {
  const { properties, $ref } = resolved(reference) as { properties?: Node; $ref?: string };
  if ($ref !== undefined) return typesAt(`${SCHEMA}${$ref}`);
  const type = properties?.['type'] as { const?: unknown; enum?: unknown[] } | undefined;
  return type?.enum ?? (type?.const === undefined ? [] : [type.const]);
}

const membersOf = (...path: string[]): Node => resolved(`#/${path.join('/')}`) as Node;

test('every reference leads somewhere', () => {
  const references = referencesIn(document);
  expect(references.length).toBeGreaterThan(50);
  expect(references.filter((reference) => resolved(reference) === undefined)).toEqual([]);
});

test('every type of message on the page is in it, and no other', () => {
  const onPage = new Set([...page.matchAll(/\{"type":"(\w+)"/g)].map(([, type]) => type));
  const payloads = Object.values(membersOf('components', 'messages')).flatMap((message) =>
    referencesIn((message as Node)['payload']),
  );
  expect(new Set(payloads.flatMap(typesAt))).toEqual(onPage);
  const answers = payloads.filter((reference) => typesAt(reference).length === 0);
  const names = answers.map((reference) => reference.split('/').at(-1));
  expect(new Set(names)).toEqual(new Set(['accepted', 'pollAnswer']));
});

test('every member that the page gives an error is in the schema', () => {
  const [row = ''] = /^\| `\{"type":"error".*$/m.exec(page) ?? [];
  const members = [...row.matchAll(/"(\w+)":|`(\w+)`/g)].map(
    ([, quoted, named]) => quoted ?? named,
  );
  const { properties } = resolved(`${SCHEMA}#/$defs/server.error`) as { properties: Node };
  expect(new Set(members)).toEqual(new Set(Object.keys(properties)));
});

test('every definition of the schema is used', () => {
  const used = new Set([...referencesIn(document), ...referencesIn(schema)]);
  const names = Object.keys(schema['$defs'] as Node);
  const isUsed = (name: string): boolean =>
    [`#/$defs/${name}`, `${SCHEMA}#/$defs/${name}`].some((reference) => used.has(reference));
  expect(names.filter((name) => !isUsed(name))).toEqual([]);
});

test('the channels are those of the page, and each of their messages goes some way', () => {
  const channels = Object.entries(membersOf('channels')) as [string, { address: string }][];
  for (const [, { address }] of channels) expect(page).toContain(`\`${address}\``);
  const used = new Set(referencesIn(membersOf('operations')));
  for (const [name] of channels) {
    for (const message of Object.keys(membersOf('channels', name, 'messages'))) {
      const reference = `#/channels/${name}/messages/${message}`;
      expect([reference, used.has(reference)]).toEqual([reference, true]);
    }
  }
});

test('every parameter of the page is in it', () => {
  const [, table = ''] = page.split('| parameter | meaning |');
  const rows = table.slice(0, table.indexOf('\n\n')).matchAll(/^\| `(\w+)` \|/gm);
  const names = [...rows].map(([, name]) => name as string);
  expect(names).toContain('room');
  for (const name of [...names, 'since', 'session']) {
    expect(text).toMatch(new RegExp(`^ +${name}:$`, 'm'));
  }
});
