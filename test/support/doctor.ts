import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { runCommand, ServerProcess } from './server-process.ts';

/** What `memory-hub doctor --json` prints, and how it ended. */
export interface Report {
  readonly code: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly findings: readonly {
    readonly check: string;
    readonly state: string;
    readonly said: string;
    readonly advice?: string;
  }[];
}

/** Their verdict depends on how busy the machine is, or how full. */
export const OF_THE_MACHINE = ['disk', 'symptoms', 'service-levels', 'memory-growth'];

/** A server with a database and a Redis of its own, and a doctor that is run with its settings. */
export interface Patient {
  readonly server: ServerProcess;
  readonly database: TestDatabase;
  readonly redis: RedisServer;
  /** Folder of the log. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  doctor(args: readonly string[], settings?: NodeJS.ProcessEnv): Promise<Report>;
  /** All checks whose verdict does not depend on the machine. */
  steady(args?: readonly string[], settings?: NodeJS.ProcessEnv): Promise<Report>;
}

/** @returns a function, to be called within tests and hooks */
export function patient(checks: readonly string[]): () => Patient {
  let made: Patient | undefined;
  beforeAll(async () => {
    const [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
    const folder = mkdtempSync(join(tmpdir(), 'memory-hub-doctor-'));
    const settings = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      MEMORYHUB_LOG_FILE: join(folder, 'hub.log'),
      // Several test files share one PostgreSQL.
      MEMORYHUB_POOL_SIZE: '4',
      MEMORYHUB_POOL_OVERFLOW: '4',
    };
    const server = new ServerProcess(settings);
    const env = { ...settings, MEMORYHUB_DATA_DIR: server.dataDir };
    const doctor: Patient['doctor'] = async (args, others = {}) => {
      const result = await runCommand(['doctor', '--quick', '--json', ...args], { env: { ...env, ...others } });
      expect(result.stderr).toBe('');
      return { ...(JSON.parse(result.stdout) as Omit<Report, 'code'>), code: result.code };
    };
    const only = checks.filter((name) => !OF_THE_MACHINE.includes(name)).flatMap((name) => ['--only', name]);
    const steady: Patient['steady'] = (args = [], others = {}) => doctor([...only, ...args], others);
    made = { server, database, redis, folder, env, doctor, steady };
    await server.address();
  });
  afterAll(async () => {
    await made?.server.cleanUp();
    await Promise.all([made?.database.drop(), made?.redis.stop()]);
    if (made) rmSync(made.folder, { recursive: true });
  });
  return () => {
    if (made === undefined) throw new Error('the server runs only while tests and hooks do');
    return made;
  };
}

/** Exactly this check is bad, once, for this reason; and there is advice. */
export function expectBad({ findings, code }: Report, check: string, said: RegExp): void {
  expect(findings.filter(({ state }) => state === 'bad')).toEqual([
    { check, state: 'bad', said: expect.stringMatching(said) as string, advice: expect.any(String) as string },
  ]);
  expect(code).toBe(1);
}

/** What is left of the doctor's on its patient: memories in its workspace, and keys that are valid beside the first. */
export async function leftBehind({ server }: Patient): Promise<{ memories: bigint | undefined; keys: string[] }> {
  const operator = await server.connect('operator');
  const keys: string[] = [];
  for await (const { apiKeys } of operator.admin.listApiKeys({})) {
    const valid = apiKeys.filter(({ revokeTime }) => !revokeTime).map(({ name }) => name);
    keys.push(...valid.filter((name) => name !== 'admin' && name !== 'operator'));
  }
  const { apiKey, credential } = await operator.admin.createApiKey({
    apiKey: { name: 'looks', role: Role.ADMIN, workspace: 'doctor' },
  });
  const hub = new MemoryHub({ address: await server.address(), credential });
  const { receipt } = await hub.memories.purgeMemories({
    filter: 'create_time > "2000-01-01T00:00:00Z"',
    dryRun: true,
  });
  await operator.admin.revokeApiKey({ id: apiKey?.id ?? '' });
  hub.close();
  operator.close();
  return { memories: receipt?.memories, keys };
}
