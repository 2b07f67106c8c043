import { defineConfig } from 'vitest/config';

/** `fast` is `npm test`; `long` adds the faults and the fuzzing of `npm run test:all`. */
export default defineConfig({
  test: {
    pool: 'forks',
    // On shared machines a pause of seconds can break a race that a test sets up; it is named as flaky then.
    retry: process.env.CI ? 1 : 0,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: ['test/**/*.long.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: ['test/**/*.long.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});
