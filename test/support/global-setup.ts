import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/server/database/database.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { administer, TEST_POOL } from './postgres-server.ts';
import type { Provided } from './provided.ts';
import { findRedisServer, startRedis } from './redis-server.ts';
import { endWhenGone } from './server-process.ts';

type Stop = () => Promise<void>;

interface Services extends Provided {
  readonly stop: Stop;
}

/** The projects of one run share the services: the first starts them, the last stops them. */
const shared = globalThis as { memoryHubServices?: { services: Promise<Services>; users: number } };

export async function setup(project: TestProject): Promise<Stop> {
  shared.memoryHubServices ??= { services: start(), users: 0 };
  const entry = shared.memoryHubServices;
  entry.users += 1;
  const services = await entry.services;
  project.provide('postgresUrl', services.postgresUrl);
  project.provide('postgresTemplate', services.postgresTemplate);
  project.provide('redisUrl', services.redisUrl);
  return async () => {
    entry.users -= 1;
    if (entry.users > 0) return;
    delete shared.memoryHubServices;
    await services.stop();
  };
}

async function start(): Promise<Services> {
  const stops: Stop[] = [];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  try {
    const redisUrl = await redis(stops);
    const postgresUrl = process.env.TEST_DATABASE_URL ?? (await embeddedPostgres(stops));
    const postgresTemplate = await template(postgresUrl, stops);
    return { postgresUrl, postgresTemplate, redisUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function embeddedPostgres(stops: Stop[]): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'memory-hub-test-'));
  const keep = endWhenGone(dataDir);
  stops.push(async () => {
    keep();
    await rm(dataDir, { recursive: true, force: true });
  });
  const server = await startEmbeddedPostgres({ dataDir, maxConnections: 200 });
  stops.push(() => server.stop());
  // Nothing here has to outlive the machine; processes that are killed lose nothing by it.
  await administer(
    server.url,
    'ALTER SYSTEM SET fsync = off',
    'ALTER SYSTEM SET full_page_writes = off',
    'SELECT pg_reload_conf()',
  );
  return server.url;
}

/** Migrates the database that every test database is copied from. */
async function template(postgresUrl: string, stops: Stop[]): Promise<string> {
  const name = `memoryhub_template_${process.pid}`;
  await administer(postgresUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, `CREATE DATABASE ${name}`);
  stops.push(() => administer(postgresUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(postgresUrl);
  url.pathname = `/${name}`;
  const database = await openDatabase({ ...TEST_POOL, url: url.toString() });
  await migrate(await database.orm());
  await database.close();
  return name;
}

async function redis(stops: Stop[]): Promise<string> {
  const given = process.env.TEST_REDIS_URL;
  if (given !== undefined && given !== '') return given.replace(/\/+$/, '');
  if (findRedisServer() !== undefined) {
    const server = await startRedis();
    stops.push(() => server.stop());
    return server.url;
  }
  const how = 'install it (apt-get install -y redis-server) or set TEST_REDIS_URL';
  if (process.env.CI === 'true') throw new Error(`the tests of the cache need Redis: ${how}`);
  // First in, so last to run: the last line of the run.
  stops.unshift(async () => {
    process.stderr.write(`\nSKIPPED: every test that needs Redis, because none was found. To run them, ${how}.\n`);
  });
  return '';
}
