import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, isLoopback, loadConfig } from '../../src/server/config.ts';
import { SETTINGS } from '../../src/server/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'memory-hub-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: string): string {
  const path = join(folder, 'memory-hub.config.yaml');
  writeFileSync(path, content);
  return path;
}

function problemsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('needs nothing: every setting has a default', () => {
    const config = loadConfig({});
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 50_051 });
    expect(config.workers).toBe(1);
    expect(config.file).toBeUndefined();
  });

  it('reads the file beside the data directory, and the environment wins over it', () => {
    const path = fileWith('workers: 3\nlog_level: debug\nlisten: "[::1]:0"\n');
    const config = loadConfig({ MEMORYHUB_DATA_DIR: join(path, '..', '.memory-hub'), LOG_LEVEL: 'warn' });
    expect(config).toMatchObject({ workers: 3, log_level: 'warn', listen: { host: '::1', port: 0 }, file: path });
  });

  it.each([
    ['MEMORYHUB_LISTEN', 'somewhere', 'HOST:PORT with a port from 0 to 65535'],
    ['MEMORYHUB_LISTEN', '127.0.0.1:65536', 'HOST:PORT with a port from 0 to 65535'],
    ['MEMORYHUB_WORKERS', '0', 'a whole number from 1 to 64'],
    ['MEMORYHUB_WORKERS', '1.5', 'a whole number from 1 to 64'],
    ['LOG_LEVEL', 'loud', 'one of trace, debug, info, warn, error, fatal, silent'],
    ['MEMORYHUB_ALLOW_PLAINTEXT', 'perhaps', '0 or 1'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317', 'an http:// or https:// address'],
  ])('refuses %s=%s and says what is allowed', (name, value, allowed) => {
    expect(problemsOf({ [name]: value })).toEqual([`${name} is ${JSON.stringify(value)}: it must be ${allowed}.`]);
  });

  it('names every problem at once and shows no secret', () => {
    const problems = problemsOf({
      DATABASE_URL: 'mysql://root:hunter2@db',
      REDIS_URL: 'hunter2',
      MEMORYHUB_WORKERS: 'x',
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('names the file and the line of a fault in it', () => {
    const path = fileWith('workers: 2\n  listen: [\n');
    expect(problemsOf({ MEMORYHUB_CONFIG: path })).toEqual([
      expect.stringMatching(new RegExp(`^${path} is not YAML at line \\d+, column \\d+`)),
    ]);
  });

  it.each(['wrokers', 'toString', '__proto__'])('refuses %s in the file, which is no setting', (name) => {
    expect(problemsOf({ MEMORYHUB_CONFIG: fileWith(`${name}: 2\n`) })[0]).toContain(
      `"${name}", which is not a setting`,
    );
  });

  it.each(['', '# workers: 2\n', '---\n'])('takes a file that sets nothing: %j', (content) => {
    expect(loadConfig({ MEMORYHUB_CONFIG: fileWith(content) }).workers).toBe(1);
  });

  it.each([
    ['workers: 2\nworkers: 3\n', /is not YAML at line 2, column 1 \(duplicated mapping key\)/],
    ['workers: 2\n---\nworkers: 3\n', /is not YAML \(there are 2 documents in it, not one\)/],
    ['sealing_keys: *its"secret\n', /is not YAML at line 1, column 16 \(unidentified alias\):/],
    ['sealing_keys: !its-secret x\n', /is not YAML at line 1, column 15 \(unknown scalar tag\):/],
    ['sealing_keys: !i{ts-secret x\n', /is not YAML at line 1, column \d+ \([^()]*\):/],
    ['- workers\n', /holds no settings/],
    ['workers\n', /holds no settings/],
  ])('refuses %j', (content, why) => {
    const problems = problemsOf({ MEMORYHUB_CONFIG: fileWith(content) });
    expect(problems).toEqual([expect.stringMatching(why)]);
    expect(problems[0]).not.toMatch(/secret/);
  });

  it('says so when the file that was named cannot be read', () => {
    expect(problemsOf({ MEMORYHUB_CONFIG: '/nowhere/at/all.yaml' })[0]).toContain(
      'must be a file that can be read (ENOENT)',
    );
  });

  it('refuses metrics on an address other hosts can reach, unless it is allowed', () => {
    const wide = { MEMORYHUB_METRICS_LISTEN: '0.0.0.0:9464' };
    expect(problemsOf(wide)).toEqual([expect.stringContaining('MEMORYHUB_METRICS_LISTEN is "0.0.0.0:9464"')]);
    expect(problemsOf({ ...wide, MEMORYHUB_ALLOW_PLAINTEXT: '1' })).toEqual([]);
    expect(problemsOf({ MEMORYHUB_METRICS_LISTEN: '127.0.0.1:9464' })).toEqual([]);
  });

  it('refuses plain text on an address other hosts can reach, unless it is allowed', () => {
    expect(problemsOf({ MEMORYHUB_LISTEN: '0.0.0.0:50051' })[0]).toContain('MEMORYHUB_ALLOW_PLAINTEXT must be 1');
    const allowed = { MEMORYHUB_LISTEN: '0.0.0.0:50051', MEMORYHUB_ALLOW_PLAINTEXT: '1' };
    expect(problemsOf(allowed)).toEqual([]);
    expect(loadConfig(allowed).warnings).toEqual([expect.stringMatching(/0\.0\.0\.0:50051: .*in plain text/)]);
    const tls = { MEMORYHUB_TLS_CERT: 'tls.crt', MEMORYHUB_TLS_KEY: 'tls.key' };
    expect(loadConfig({ MEMORYHUB_LISTEN: '0.0.0.0:50051', ...tls }).warnings).toEqual([]);
  });

  it('refuses half of what TLS needs, and names of hosts that are none', () => {
    expect(problemsOf({ MEMORYHUB_TLS_CERT: 'tls.crt' })).toEqual([
      'MEMORYHUB_TLS_CERT is set and MEMORYHUB_TLS_KEY is not: both must be, or neither.',
    ]);
    expect(problemsOf({ MEMORYHUB_TLS_CLIENT_CA: 'ca.crt' })[0]).toContain('MEMORYHUB_TLS_CERT is not');
    expect(problemsOf({ MEMORYHUB_TRUSTED_HOSTS: 'hub.example.com,https://evil' })[0]).toContain('host names');
    expect(loadConfig({ MEMORYHUB_TRUSTED_HOSTS: ' Hub.example.com, *.internal ' }).trusted_hosts).toEqual([
      'hub.example.com',
      '*.internal',
    ]);
  });

  it('refuses a replica without a primary, and a pool too small for its workers', () => {
    expect(problemsOf({ DATABASE_READ_URL: 'postgres://replica/db' })[0]).toContain('DATABASE_URL is not');
    expect(problemsOf({ MEMORYHUB_WORKERS: '4', MEMORYHUB_POOL_SIZE: '2', MEMORYHUB_POOL_OVERFLOW: '0' })[0]).toContain(
      'at least 3 for each worker',
    );
  });

  it('refuses to forget revisions that a repeated request is answered from', () => {
    const settings = { MEMORYHUB_RETAIN_REVISIONS_DAYS: '1', MEMORYHUB_RETAIN_REQUESTS_HOURS: '25' };
    expect(problemsOf(settings)[0]).toContain('at least as long as MEMORYHUB_RETAIN_REQUESTS_HOURS (25 hours)');
  });

  it('warns of variables that look like settings and are none', () => {
    expect(loadConfig({ MEMORYHUB_WROKERS: '2', MEMORYHUB_ADDRESS: 'x' }).warnings).toEqual([
      'MEMORYHUB_WROKERS is set, but is not a setting of this server.',
    ]);
  });

  it.each(['1', '"1"', 'true', 'yes'])('takes %s in the file for 1, as the variable would', (written) => {
    expect(loadConfig({ MEMORYHUB_CONFIG: fileWith(`access_log: ${written}\n`) }).access_log).toBe(true);
  });

  it('takes lists in the file for what commas are in a variable', () => {
    const lists = [
      'sealed_names: [credential, passphrase]',
      'oidc_issuer: https://login.example.com',
      'oidc_audience: [hub, memories]',
      'oidc_workspaces: [tenant-7=alpha, tenant-8=beta]',
      'trusted_hosts: [hub.example.com]',
    ];
    const fromFile = loadConfig({ MEMORYHUB_CONFIG: fileWith(lists.join('\n')) });
    expect(fromFile.sealed_names).toEqual(['credential', 'passphrase']);
    expect(fromFile).toEqual({
      ...loadConfig({
        MEMORYHUB_SEALED_NAMES: 'credential,passphrase',
        MEMORYHUB_OIDC_ISSUER: 'https://login.example.com',
        MEMORYHUB_OIDC_AUDIENCE: 'hub, memories',
        MEMORYHUB_OIDC_WORKSPACES: 'tenant-7=alpha, tenant-8=beta',
        MEMORYHUB_TRUSTED_HOSTS: 'hub.example.com',
      }),
      file: fromFile.file,
    });
    expect(problemsOf({ MEMORYHUB_CONFIG: fileWith('sealed_names: [a b]') })).toHaveLength(1);
  });

  it('takes every setting from the file as well as from the environment', () => {
    const path = fileWith(
      Object.keys(SETTINGS)
        .map((name) => `${name}: {}`)
        .join('\n'),
    );
    expect(problemsOf({ MEMORYHUB_CONFIG: path })).toHaveLength(Object.keys(SETTINGS).length);
  });
});

it('only addresses of this host are loopback', () => {
  expect(['localhost', '127.0.0.1', '127.9.9.9', '::1'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.evil.example'].some(isLoopback)).toBe(false);
});
