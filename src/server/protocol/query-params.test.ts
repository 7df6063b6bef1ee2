import { expect, test } from 'bun:test';
import { queryParams } from './query-params.ts';

const NAMES = ['EIO', 'transport', 'sid', 'b64', 'j', 't'];

test.each([
  '',
  'EIO=4&transport=websocket',
  'EIO=4&transport=polling&t=abc&sid=AbC-_9',
  'transport=polling&EIO=4&b64',
  'EIO=4&b64=1&j=0&transport=polling',
  'sid=&EIO=4',
  'sid&EIO=4',
  'sid=one&sid=two',
  'xsid=1&EIOS=4&EIO=3',
  'EIO=4=5&&transport==x&',
  '=4&EIO',
  'a=sid=1&tsid=2&sid=3',
  'EIO=%34&transport=web%73ocket',
  'E%49O=4&sid=a+b',
  'sid=%zz',
  'sid=\ud800&EIO=\u00e4',
])('%j is read as URLSearchParams does', (query) => {
  const standard = new URLSearchParams(query);
  const params = queryParams(query);
  for (const name of NAMES) {
    const all = standard.getAll(name).map((value) => value.replace('\ufffd', '\ud800'));
    expect(params.getAll(name)).toEqual(all);
    expect([name, params.get(name), params.has(name)]).toEqual([
      name,
      // Halves of surrogate pairs are of no consequence: no value that is known has them.
      standard.get(name)?.replace('\ufffd', '\ud800') ?? null,
      standard.has(name),
    ]);
  }
});
