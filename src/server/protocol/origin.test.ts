import { describe, expect, test } from 'bun:test';
import { isOwnOrigin, originList } from './origin.ts';

const DIRECT = { ownPorts: [8500], isProxied: false };
const PROXIED = { ownPorts: [8500], isProxied: true };

describe('a page of the server’s own', () => {
  test.each([
    ['http://example.com', 'example.com'],
    ['http://example.com', 'EXAMPLE.com'],
    ['http://EXAMPLE.com', 'example.com'],
    ['http://example.com', 'example.com:80'],
    ['https://example.com', 'example.com:443'],
    ['https://example.com', 'example.com:80'],
    ['https://example.com:443', 'example.com'],
    ['http://example.com:8500', 'example.com:8500'],
    ['http://example.com:8500', 'example.com'],
    ['http://[::1]:8500', '[::1]:8500'],
    ['http://127.0.0.1:8500', '127.0.0.1:8500'],
  ])('%s asks %s', (origin, host) => {
    expect(isOwnOrigin(origin, { hosts: [host], ...DIRECT })).toBeTrue();
  });

  test.each([
    ['http://evil.example', 'example.com'],
    ['http://example.com.evil.example', 'example.com'],
    ['http://example.com', 'example.com:8500'],
    ['http://example.com:3000', 'example.com:8500'],
    ['null', 'example.com'],
    ['', ''],
    ['http://', ''],
    ['http://user@example.com', 'example.com'],
    ['http://example.com', 'user@example.com'],
    ['http://example.com', 'example.com, evil.example'],
    ['http://example.com/', 'example.com'],
    ['capacitor://localhost', 'localhost'],
    [`http://${'x'.repeat(600)}`, 'x'.repeat(600)],
  ])('%s is no page of %s', (origin, host) => {
    expect(isOwnOrigin(origin, { hosts: [host], ...PROXIED })).toBeFalse();
  });

  test('the host that a proxy says it was asked for counts, too', () => {
    const hosts = ['10.0.0.1:8500', 'example.com'];
    expect(isOwnOrigin('https://example.com', { hosts, ...PROXIED })).toBeTrue();
    const other = hosts.slice(0, 1);
    expect(isOwnOrigin('https://example.com', { hosts: other, ...PROXIED })).toBeFalse();
  });

  test.each(['example.com', 'example.com:80', 'example.com:443'])(
    'of another port of %s is one behind a proxy only',
    (host) => {
      const page = 'http://example.com:9999';
      expect(isOwnOrigin(page, { hosts: [host], ...DIRECT })).toBeFalse();
      expect(isOwnOrigin(page, { hosts: [host], ...PROXIED })).toBeTrue();
    },
  );
});

describe('a list', () => {
  const list = originList([
    'https://example.com',
    'https://*.example.org',
    'http://*.dev.example.org:3000',
    'capacitor://localhost',
    'chrome-extension://abcdefghijklmnop',
    'null',
  ]);

  test.each([
    'https://example.com',
    'https://EXAMPLE.com',
    'https://example.com:443',
    'https://a.example.org',
    'https://a.b.example.org',
    'http://a.dev.example.org:3000',
    'capacitor://localhost',
    'chrome-extension://abcdefghijklmnop',
    'null',
  ])('names %s', (origin) => {
    expect(list(origin)).toBeTrue();
  });

  test.each([
    'http://example.com',
    'https://example.com:8443',
    'https://example.org',
    'https://evilexample.org',
    'https://a.example.org.evil.example',
    'https://evil.example/.example.org',
    'https://evil.example#.example.org',
    'https://a@b.example.org',
    'https://.example.org',
    'https://a..example.org',
    'http://a.dev.example.org',
    'capacitor://other',
    'tauri://localhost',
    '*',
    '',
  ])('does not name %s', (origin) => {
    expect(list(origin)).toBeFalse();
  });

  test('* names all', () => {
    expect(originList(['*'])('https://any.example')).toBeTrue();
    expect(originList([])('https://any.example')).toBeFalse();
  });
});
