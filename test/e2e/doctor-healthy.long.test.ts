import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CHECK_NAMES } from '../../src/cli/doctor/names.ts';
import { expectBad, leftBehind, OF_THE_MACHINE, patient, type Report } from '../support/doctor.ts';
import { administer } from '../support/postgres-server.ts';
import { runCommand } from '../support/server-process.ts';

const bench = patient(CHECK_NAMES);

const lines = ({ findings }: Pick<Report, 'findings'>, state: string) =>
  findings.filter((finding) => finding.state === state).map(({ check }) => check);

describe('memory-hub doctor', () => {
  it('is green on a healthy server, with evidence in every line', async () => {
    const report = await bench().doctor(['--disk-free', '0']);
    const steady = report.findings.filter(({ check }) => !OF_THE_MACHINE.includes(check));
    expect(steady.filter(({ state }) => state === 'bad')).toEqual([]);
    // A purge, as the one at its end, is not taken for a Redis that was emptied.
    const again = await bench().doctor(['--only', 'symptoms']);
    expect(again.findings.map(({ said }) => said)).not.toContainEqual(expect.stringContaining('emptied'));
    expect(new Set(report.findings.map(({ check }) => check))).toEqual(new Set(CHECK_NAMES));
    // Keys of a first start have no end; the metrics endpoint is not asked for; the database has a disk of its own.
    expect(lines({ ...report, findings: steady }, 'warn')).toEqual(['keys']);
    expect(lines(report, 'skipped')).toEqual(['metrics', 'disk']);
    for (const { said } of report.findings) expect(said).toMatch(/^[A-Z0-9/].{20,}[.]$/s);
    expect(report.code).toBe(report.counts.bad === 0 ? 0 : 1);
  });

  it('leaves neither memories nor valid keys behind', async () => {
    await bench().doctor(['--only', 'roles', '--only', 'cache']);
    expect(await leftBehind(bench())).toEqual({ memories: 0n, keys: [] });
  });

  it('says it to people in a table, with marks, figures and what to do', async () => {
    const { code, stdout } = await runCommand(
      ['doctor', '--only', 'keys', '--only', 'clock', '--only', 'disk', '--disk-free', '101'],
      { env: { ...bench().env, MEMORYHUB_LOG_FILE: '' } },
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^! warn {5}keys +Admin and operator keys that never end: [^>]*\n +> Give each an end/m);
    expect(stdout).toMatch(/^✓ ok {7}clock +The server's clock is \d+ ms/m);
    expect(stdout).toMatch(/^✗ bad {6}disk /m);
    expect(stdout).toMatch(/\n1 bad, 1 to look at, 2 ok, 1 skipped\n$/);
  });

  it('ends with 2 when it could not look', async () => {
    const away = await runCommand(['doctor', '--address', '127.0.0.1:1'], { env: bench().env });
    expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot reach a server at 127.0.0.1:1') });
    const admin = await runCommand(['doctor', '--key-file', join(bench().server.dataDir, 'admin.key')], {
      env: bench().env,
    });
    expect(admin).toMatchObject({ code: 2, stderr: expect.stringContaining('ROLE_DENIED') });
    const stranger = join(bench().folder, 'stranger.key');
    writeFileSync(stranger, `mh_${'0'.repeat(16)}_${'0'.repeat(43)}`);
    const wrong = await runCommand(['doctor', '--json', '--key-file', stranger], { env: bench().env });
    expect(wrong).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(`(the key is from ${stranger})`),
    });
    const nobody = await runCommand(['doctor', '--address', await bench().server.address()], {
      env: { MEMORYHUB_DATA_DIR: bench().folder },
    });
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining('asks for an API key') });
    for (const flags of [
      ['--only', 'nothing'],
      ['--key-days', 'many'],
      ['--disk-free', '-1'],
    ]) {
      expect(await runCommand(['doctor', ...flags], { env: bench().env }), flags.join(' ')).toMatchObject({ code: 2 });
    }
  });

  it('says what cannot be seen of a server elsewhere, and looks at the rest', async () => {
    const report = await bench().steady(
      ['--address', await bench().server.address(), '--key-file', join(bench().server.dataDir, 'operator.key')],
      {
        MEMORYHUB_DATA_DIR: bench().folder,
        DATABASE_URL: '',
        REDIS_URL: '',
      },
    );
    expect(report.code).toBe(0);
    expect(lines(report, 'skipped')).toEqual([
      'secrets',
      'files',
      'migrations',
      'index-use',
      'pool',
      'logging',
      'metrics',
      'clock',
    ]);
  });
});

describe('a planted fault turns its own line red, and no other', () => {
  let mend: (() => Promise<unknown> | unknown) | undefined;
  afterEach(async () => {
    await mend?.();
    mend = undefined;
  });
  const sql = (...statements: string[]) => administer(bench().database.url, ...statements);

  it('a dropped index', async () => {
    mend = () => sql('CREATE INDEX memories_team ON memories (workspace_id, team, create_time, id)');
    await sql('DROP INDEX memories_team');
    await expectBad(await bench().steady(), 'index-use', /^1 of \d+ indexes are missing or invalid: memories_team \(/);
  });

  it('a key file others can read', async () => {
    const path = join(bench().server.dataDir, 'admin.key');
    mend = () => chmodSync(path, 0o600);
    chmodSync(path, 0o644);
    await expectBad(await bench().steady(), 'files', /admin\.key has mode 0644/);
  });

  it('a migration that was not run', async () => {
    mend = () => sql("INSERT INTO schema_migrations (name) VALUES ('20260104000000_key_lives')");
    await sql("DELETE FROM schema_migrations WHERE name = '20260104000000_key_lives'");
    await expectBad(
      await bench().steady(),
      'migrations',
      /^1 of \d+ migrations are not in the database: 20260104000000_key_lives/,
    );
  });

  it('Redis that does not answer', async () => {
    mend = () => bench().redis.start();
    await bench().redis.kill();
    await expectBad(await bench().steady(), 'redis', /^Redis does not answer the server/);
  });
});
