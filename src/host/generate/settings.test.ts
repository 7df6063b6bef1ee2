/** A config as variables: read back, it is the same config. */
import { expect, test } from 'bun:test';
import { loadConfig } from '../config/load.ts';
import { settingsOf } from './settings.ts';

const SECRET = 'a-secret-of-sixteen-and-more';

test('what is as usual is left out', () => {
  expect(settingsOf(loadConfig())).toEqual({ variables: [], secrets: [] });
});

test('it is the same config, but for secrets', () => {
  const config = loadConfig({
    env: {
      HOLDFAST_PORT: '80',
      HOLDFAST_WORKER_PORTS: 'true',
      HOLDFAST_APP: '/srv/an app/app.ts',
      HOLDFAST_TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8',
      HOLDFAST_ROOMS: '{"a \\"b\\" %n $HOME*":{"publish":"granted","history":{"messages":5}}}',
      HOLDFAST_MEMORY_BUDGET_BYTES: '8388608',
      HOLDFAST_ADMIN_TOKEN: SECRET,
    },
  });
  const { variables, secrets } = settingsOf(config);
  expect(secrets).toEqual(['HOLDFAST_ADMIN_TOKEN']);
  expect(JSON.stringify(variables)).not.toContain(SECRET);
  const env = { ...Object.fromEntries(variables), HOLDFAST_ADMIN_TOKEN: SECRET };
  expect(loadConfig({ env })).toEqual(config);
});

test('keys that are said in another way are left out', () => {
  const config = loadConfig({ flags: { port: '80', host: '10.0.0.5' } });
  expect(settingsOf(config, ['host']).variables).toEqual([['HOLDFAST_PORT', '80']]);
});

test('a value of two lines is refused', () => {
  const config = loadConfig({ flags: { host: 'a\nUser=root' } });
  expect(() => settingsOf(config)).toThrow('The value of HOLDFAST_HOST has a line end');
});
