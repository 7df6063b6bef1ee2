import { expect, test } from 'bun:test';
import { Glob } from 'bun';
import { limitsPage, limitsPagePath } from '../../../../scripts/limits-docs.ts';
import { fields } from '../../../host/config/fields.ts';
import { metrics } from '../../controller/metrics.ts';
import { assertLimits, BOUNDS, LIMITS } from './limits.ts';
import { REASON_NAMES } from './reasons.ts';

const SOURCE = new URL('../../../', import.meta.url).pathname;

/** Reasons that stand for a rule rather than for a bound: there is no number to them. */
const RULES: ReadonlySet<string> = new Set([
  'originForbidden',
  'badRequest',
  'sessionUnknown',
  'secondSocket',
  'stopping',
  'notAuthenticated',
  'anonymousRefused',
  'userSessionsEnded',
  'identityChanged',
  'tokenAlgorithm',
  'tokenKeysMissing',
  'tokenForged',
  'tokenExpired',
  'tokenEarly',
  'joinForbidden',
  'hookRefused',
  'hookFailed',
  'hookUnreachable',
  'hookStatus',
  'publishForbidden',
  'presenceForbidden',
  'badMessage',
  'namespaceUnknown',
  'ackUnasked',
  'eventTooOften',
  'eventUnheard',
  'namespaceLeft',
  'handshakeGone',
  'protocolBroken',
  'stringsCollide',
]);

test('docs/LIMITS.md is written from the bounds, keys and reasons', async () => {
  expect(await Bun.file(limitsPagePath).text()).toBe(limitsPage());
});

test('whatever counts a limit is there: a reason or a metric', () => {
  const known = new Set<string>([...REASON_NAMES, ...metrics.map(({ name }) => name)]);
  const bounds = Object.values(BOUNDS).map(({ counted }) => counted);
  const keys = fields.map(({ limit }) => limit?.counted);
  expect([...bounds, ...keys].filter((name) => name !== undefined && !known.has(name))).toEqual([]);
});

test('every reason belongs to a limit or to a rule', () => {
  const limits = [...Object.values(BOUNDS), ...fields.map(({ limit }) => limit)];
  const counted = new Set<string | undefined>(limits.map((limit) => limit?.counted));
  expect(REASON_NAMES.filter((name) => !counted.has(name) && !RULES.has(name))).toEqual([]);
});

test('a key that names a most or a time is on the page', () => {
  const isLimit = /^max|^limit|TimeoutMs$|PerSecond|Budget/;
  const missing = fields.filter(({ name, limit }) => isLimit.test(name) && limit === undefined);
  expect(missing.map(({ name }) => name)).toEqual([]);
});

test('every bound is kept somewhere, and plain numbers are what code reads', async () => {
  const used = new Set<string>();
  for await (const file of new Glob('**/*.ts').scan(SOURCE)) {
    if (file.endsWith('.test.ts')) continue;
    const text = await Bun.file(`${SOURCE}${file}`).text();
    for (const [, name] of text.matchAll(/\bLIMITS\.(\w+)/g)) used.add(name as string);
  }
  expect(Object.keys(BOUNDS).filter((name) => !used.has(name))).toEqual([]);
  for (const [name, { value }] of Object.entries(BOUNDS)) {
    expect(LIMITS[name as keyof typeof LIMITS]).toBe(value);
  }
});

test('the page of limits has every bound', () => {
  const page = limitsPage();
  expect(Object.keys(BOUNDS).filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});

test('bounds that contradict the config are refused at start', () => {
  expect(() => assertLimits(1_000_000, 20_000)).not.toThrow();
  expect(() => assertLimits(LIMITS.ipcFrameBytes, 20_000)).toThrow('ipcFrameBytes');
  expect(() => assertLimits(1_000_000, 2 ** 25)).toThrow('slots');
});
