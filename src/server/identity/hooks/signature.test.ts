import { expect, test } from 'bun:test';
import { signatureOf } from './signature.ts';

const DOCS = new URL('../../../../docs/HOOKS.md', import.meta.url);

test('the example of the docs is right', async () => {
  const secret = '0123456789abcdef0123456789abcdef';
  const signature = signatureOf(secret, '1764570000123', '{"id":"1","call":"connect"}');
  expect(await Bun.file(DOCS).text()).toContain(`\n${signature}\n`);
});

test('text beyond ASCII is signed as the bytes that are sent', () => {
  const body = '{"a":"ü😀"}';
  const bytes = new Bun.CryptoHasher('sha256', 'k').update('1.').update(Buffer.from(body));
  expect(signatureOf('k', '1', body)).toBe(`sha256=${bytes.digest('hex')}`);
});
