import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const RULES = `built_in: false
rules:
  - name: serves-at-all
    says: the server serves, of all things
    when: processes > 0
    for: 0s
    severity: critical
`;

let database: TestDatabase;
const folder = temporaryFolder();
const started: ServerProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(started.map((server) => server.cleanUp()));
  await database.drop();
  rmSync(folder, { recursive: true });
});

function serverWith(rules: string, workers: number): ServerProcess {
  const file = join(folder, `${started.length}-alerts.yaml`);
  writeFileSync(file, rules);
  const server = new ServerProcess({
    DATABASE_URL: database.url,
    MEMORYHUB_WORKERS: `${workers}`,
    MEMORYHUB_ALERTS_FILE: file,
    LOG_LEVEL: 'info',
  });
  started.push(server);
  return server;
}

describe.each([1, 2])('a server with %i worker(s) that breaks a rule of its file', (workers) => {
  it('says so once in its log and once to who watches, and a monitor keeps it in a file', async () => {
    const server = serverWith(RULES, workers);
    await server.address();
    await expect.poll(() => server.output, { timeout: 20_000 }).toContain('alert raised');
    // Seconds in which it stays broken are no news.
    await sleep(3000);
    expect(server.output.match(/alert raised/g)).toHaveLength(1);
    const log = join(server.dataDir, 'alerts.jsonl');
    const watched = await runCommand(['monitor', '--once', '--log', log], {
      env: { MEMORYHUB_DATA_DIR: server.dataDir },
    });
    expect(watched).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(log)).toBe(true);
    const lines = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.filter(({ rule }) => rule === 'serves-at-all')).toEqual([
      expect.objectContaining({
        alert: 'raised',
        key: 'serves-at-all',
        severity: 'critical',
        text: 'the server serves, of all things',
      }),
    ]);
  }, 60_000);

  it('does not start with a file of rules it cannot use, and says which and why', async () => {
    const server = serverWith('rules:\n  - name: odd\n    when: GetMemory.p42 > 1ms\n', workers);
    expect(await server.exit()).toBe(1);
    expect(server.output).toMatch(/alerts\.yaml cannot be used: rules\[0\]/);
  }, 60_000);
});
