import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../load/floors/free-port.ts';
import { openDatabase } from '../../src/server/database/database.ts';
import { postgresUser } from '../../src/server/database/embedded/os-user.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { WRITE_SETUP } from '../../src/server/repository/group-commit-connection.ts';
import { PLAN_CASES, WRITES } from '../../src/server/repository/plan-cases.ts';
import { TEST_POOL } from '../support/postgres-server.ts';

/** Where Debian keeps every major version in a folder of its own. */
const INSTALLED = '/usr/lib/postgresql';
const folders = existsSync(INSTALLED) ? readdirSync(INSTALLED) : [];
/** Those older than the one that all other tests have. */
const older = folders.filter((version) => Number(version) >= 14 && Number(version) < 18);

describe.skipIf(older.length === 0)('an older PostgreSQL', () => {
  it.each(older)('%s migrates and understands every statement: one used a min that only 18 has', async (version) => {
    const bin = join(INSTALLED, version, 'bin');
    const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-older-'));
    const user = postgresUser(undefined);
    const ids = user ? { uid: user.uid, gid: user.gid } : {};
    if (user) chownSync(dataDir, user.uid, user.gid);
    execFileSync(join(bin, 'initdb'), ['-D', dataDir, '-U', 'test', '-A', 'trust', '-N'], { ...ids, stdio: 'ignore' });
    const port = await freePort();
    const options = ['-D', dataDir, '-p', String(port), '-h', '127.0.0.1', '-k', '', '-F'];
    const server = spawn(join(bin, 'postgres'), options, { ...ids, stdio: 'ignore' });
    const exit = once(server, 'exit');
    try {
      const database = await opened(`postgres://test@127.0.0.1:${port}/postgres`);
      await migrate(await database.orm());
      const client = await database.openWriteConnection();
      await client.query(WRITE_SETUP);
      const refused: string[] = [];
      for (const [index, { title, statement }] of PLAN_CASES.entries()) {
        await client
          .query(`PREPARE p${index} AS ${statement.text}`)
          .catch((error) => refused.push(`${title}: ${error}`));
      }
      expect(refused).toEqual([]);
      expect(PLAN_CASES.some(({ statement }) => WRITES.includes(statement.kind))).toBe(true);
      await client.end();
      await database.close();
    } finally {
      server.kill('SIGINT');
      await exit;
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

async function opened(url: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openDatabase({ url, ...TEST_POOL });
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
}
