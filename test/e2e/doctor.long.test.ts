import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CHECK_NAMES } from '../../src/cli/doctor/names.ts';
import { expectBad, patient } from '../support/doctor.ts';
import { administer } from '../support/postgres-server.ts';

const bench = patient(CHECK_NAMES);

describe('a planted fault turns its own line red, and no other', () => {
  let mend: (() => Promise<unknown> | unknown) | undefined;
  afterEach(async () => {
    await mend?.();
    mend = undefined;
  });
  const sql = (...statements: string[]) => administer(bench().database.url, ...statements);

  it('an admin key that is too old', async () => {
    mend = () => sql("UPDATE api_keys SET create_time = now() WHERE name = 'admin'");
    await sql("UPDATE api_keys SET create_time = now() - interval '91 days' WHERE name = 'admin'");
    await expectBad(await bench().steady(), 'keys', /older than 90 days: admin \(admin of default, \w+, 91 days\)/);
    expect((await bench().steady(['--key-days', '100'])).code).toBe(0);
  });

  it('a pool that is larger than max_connections', async () => {
    await expectBad(
      await bench().steady([], { MEMORYHUB_POOL_SIZE: '1000' }),
      'pool',
      /^The server may open 1007 connections; PostgreSQL gives \d+ of max_connections = \d+\.$/,
    );
  });

  it('a migration of a newer version', async () => {
    mend = () => sql("DELETE FROM schema_migrations WHERE name = '29990101000000_future'");
    await sql("INSERT INTO schema_migrations (name) VALUES ('29990101000000_future')");
    await expectBad(await bench().steady(), 'migrations', /does not know: 29990101000000_future/);
  });

  it('metrics that are asked for and not there', async () => {
    await expectBad(
      await bench().steady([], { MEMORYHUB_METRICS_LISTEN: '127.0.0.1:1' }),
      'metrics',
      /^http:\/\/127\.0\.0\.1:1\/metrics does not answer: /,
    );
  });

  it('an OTLP receiver that is not there', async () => {
    await expectBad(
      await bench().steady([], { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }),
      'metrics',
      /^The OTLP receiver at 127\.0\.0\.1:1 takes no connections: ECONNREFUSED/,
    );
  });

  it('plain text on an address others reach', async () => {
    const settings = { MEMORYHUB_LISTEN: '0.0.0.0:50051', MEMORYHUB_ALLOW_PLAINTEXT: '1' };
    await expectBad(
      await bench().steady([], settings),
      'tls',
      /0\.0\.0\.0:50051, which other hosts reach, in plain text/,
    );
  });

  it('a sealing key that is not random', async () => {
    const weak = `old:${Buffer.alloc(32, 7).toString('base64')}`;
    const report = await bench().steady([], { MEMORYHUB_SEALING_KEYS: weak });
    await expectBad(report, 'secrets', /^Sealing keys that are not random: old\.$/);
    expect(JSON.stringify(report)).not.toContain(weak.slice(4));
  });

  it('a log that is not written', async () => {
    await expectBad(
      await bench().steady([], { MEMORYHUB_LOG_FILE: join(bench().folder, 'elsewhere.log') }),
      'logging',
      /^There is no log file .*elsewhere\.log/,
    );
  });

  it('a disk that is nearly full', async () => {
    const report = await bench().doctor(['--only', 'disk', '--disk-free', '101'], { MEMORYHUB_LOG_FILE: '' });
    await expectBad(report, 'disk', /% of the disk of the data/);
  });
});
