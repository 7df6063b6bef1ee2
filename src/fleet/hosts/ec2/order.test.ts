import { expect, test } from 'bun:test';
import { parseImages, parseNetwork, parseRegions, parseType } from './order.ts';
import { priceOf, priceText } from './prices.ts';

test('regions', () => {
  expect(parseRegions('us-east-1, eu-west-1')).toEqual(['us-east-1', 'eu-west-1']);
  expect(parseRegions('us-gov-west-1')).toEqual(['us-gov-west-1']);
  for (const text of ['', 'us-east-1,', 'evil.example/', 'US-EAST-1', 'us-east-1:80']) {
    expect(() => parseRegions(text)).toThrow('write it like us-east-1,eu-west-1.');
  }
  expect(() => parseRegions('us-east-1,us-east-1')).toThrow('names us-east-1 twice');
});

test('types and images', () => {
  expect(['t3.small', 'c7g.16xlarge', 'u-6tb1.metal'].map(parseType)).toHaveLength(3);
  for (const text of ['', 't3', 't3.small;x', 'T3.small']) {
    expect(() => parseType(text)).toThrow('it must be a type of instance');
  }
  expect(parseImages('us-east-1=ami-12345678')).toEqual(new Map([['us-east-1', 'ami-12345678']]));
  for (const text of ['ami-12345678', 'us-east-1=x', 'us-east-1=ami-12345678=x']) {
    expect(() => parseImages(text)).toThrow('write it like us-east-1=ami-');
  }
});

test('who may reach the agents has to be said, as an address or a network', () => {
  expect(parseNetwork('203.0.113.7')).toBe('203.0.113.7/32');
  expect(parseNetwork('203.0.113.0/24')).toBe('203.0.113.0/24');
  expect(parseNetwork('2001:db8::7')).toBe('2001:db8::7/128');
  for (const text of ['', 'host', '10.0.0.1/33', '10.0.0.1/', '10.0.0.1/8/8', '::1/129']) {
    expect(() => parseNetwork(text)).toThrow('it must be an address or a network');
  }
  expect(() => parseNetwork(undefined)).toThrow('Say who may reach the agents');
});

test('what hosts cost is from the table, or as the user knows it, and says which', () => {
  const what = { count: 40, type: 'c6i.large', minutes: 30 };
  expect(priceText(priceOf('c6i.large', undefined), what)).toStartWith(
    "40 × c6i.large cost 3.40 USD an hour, 1.70 USD for 30 minutes (by Holdfast's own table of ",
  );
  expect(priceText(priceOf('x9.huge', '0.5'), what)).toContain('20.00 USD an hour, 10.00 USD');
  expect(priceOf('x9.huge', '0.5').source).toBe('as given with --price');
  expect(() => priceOf('x9.huge', undefined)).toThrow('What x9.huge costs is not known here');
  for (const text of ['', 'free', '-1', '1e3', '2000']) {
    expect(() => priceOf('t3.small', text)).toThrow('it must be US dollars an hour');
  }
});
