import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { cleanEnvironment } from './server-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** A run of the tests of Redis, on a machine that seems to have none. */
function run(settings: NodeJS.ProcessEnv) {
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', 'fast', 'test/support/redis.test.ts'];
  const none = { PATH: '/nowhere', TEST_REDIS_URL: '', TEST_DATABASE_URL: inject('postgresUrl'), CI: '' };
  const env = cleanEnvironment({ ...none, ...settings });
  return spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8' });
}

it('a run without Redis skips what needs it, and says so and what to do in its last line', () => {
  const { status, stdout, stderr } = run({});
  expect(status).toBe(0);
  expect(stdout).toMatch(/3 skipped/);
  expect(stderr.trim().split('\n').at(-1)).toMatch(
    /^SKIPPED: every test that needs Redis.*apt-get install -y redis-server/,
  );
});

it('a run in CI fails without Redis', () => {
  const { status, stdout, stderr } = run({ CI: 'true' });
  expect(status).not.toBe(0);
  expect(stdout + stderr).toContain('the tests of the cache need Redis: install it');
});
