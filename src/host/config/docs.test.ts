import { expect, test } from 'bun:test';
import { configPage, configPagePath } from '../../../scripts/config-docs.ts';

test('docs/CONFIG.md is what scripts/config-docs.ts writes', async () => {
  expect(await Bun.file(configPagePath).text()).toBe(configPage());
});
