import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { Client } from 'pg';
import { afterAll, beforeAll } from 'vitest';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/server/database/embedded/embedded-postgres.ts';
import type { Role } from '../../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { MemoryHub } from '../../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { findRedisServer, type RedisServer, startRedis } from '../../support/redis-server.ts';
import { ServerProcess, temporaryFolder } from '../../support/server-process.ts';

export interface ClusterOptions {
  /** Server processes; two unless given. */
  readonly servers?: number;
  /** A PostgreSQL to be killed and stopped at will, instead of a database on the shared one. */
  readonly ownPostgres?: boolean;
  readonly redis?: boolean;
  /** Environment of the servers. */
  readonly settings?: NodeJS.ProcessEnv;
}

/** What a key of a test may do; unbound unless it says otherwise. */
export interface KeyOptions {
  readonly workspace?: string;
  readonly role: Role;
  readonly userId?: string;
  readonly teams?: string[];
}

/** A client that reports every failure as it is: no retries, a connection of its own, quick to dial again. */
export function plainHub(address: string, credential?: string): MemoryHub {
  return new MemoryHub({
    address,
    ...(credential === undefined ? {} : { credential }),
    channel: {
      'grpc.service_config': '{}',
      'grpc.enable_retries': 0,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 250,
    },
  });
}

/** Real server processes on one PostgreSQL and one Redis. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #ends: (() => unknown)[] = [];
  readonly servers: ServerProcess[] = [];
  readonly addresses: string[] = [];
  #postgres: EmbeddedPostgres | undefined;
  #postgresFolder = '';
  #redis: RedisServer | undefined;
  #databaseUrl = '';
  #operator: MemoryHub | undefined;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (this.#options.ownPostgres) {
      this.#postgresFolder = temporaryFolder();
      this.#ends.push(() => rmSync(this.#postgresFolder, { recursive: true, force: true }));
      const postgres = await startEmbeddedPostgres({ dataDir: this.#postgresFolder, maxConnections: 200 });
      this.#ends.push(() => postgres.stop());
      this.#postgres = postgres;
      this.#databaseUrl = postgres.url;
    } else {
      const database: TestDatabase = await createTestDatabase();
      this.#ends.push(() => database.drop());
      this.#databaseUrl = database.url;
    }
    if (this.#options.redis && findRedisServer() !== undefined) {
      const redis = await startRedis();
      this.#ends.push(() => redis.stop());
      this.#redis = redis;
    }
    // One after the other: the first migrates.
    for (let index = 0; index < (this.#options.servers ?? 2); index++) {
      this.servers[index] = new ServerProcess(await this.#settings(index));
      this.addresses[index] = await this.server(index).address();
    }
    this.#operator = plainHub(this.address(0), this.server(0).credential('operator'));
  }

  async stop(): Promise<void> {
    this.#operator?.close();
    await Promise.all(this.servers.map((server) => server.cleanUp()));
    for (const end of this.#ends.reverse()) await end();
  }

  server(index: number): ServerProcess {
    const server = this.servers[index];
    if (server === undefined) throw new Error(`there is no server ${index}`);
    return server;
  }

  address(index: number): string {
    return this.addresses[index] ?? '';
  }

  get postgres(): EmbeddedPostgres {
    if (this.#postgres === undefined) throw new Error('the cluster has no PostgreSQL of its own');
    return this.#postgres;
  }

  /** Where that PostgreSQL keeps its files. */
  get postgresFolder(): string {
    return this.#postgresFolder;
  }

  get redis(): RedisServer {
    if (this.#redis === undefined) throw new Error('the cluster has no Redis');
    return this.#redis;
  }

  get operator(): MemoryHub {
    if (this.#operator === undefined) throw new Error('the cluster is not started');
    return this.#operator;
  }

  /** Starts a server again in the place of one that ended, at the same address and with the same data. */
  async restart(index: number): Promise<ServerProcess> {
    const { dataDir } = this.server(index);
    const server = new ServerProcess(
      { ...(await this.#settings(index)), MEMORYHUB_LISTEN: this.address(index) },
      dataDir,
    );
    this.servers[index] = server;
    await server.address();
    return server;
  }

  async newWorkspace(name: string): Promise<void> {
    await this.operator.admin.createWorkspace({ workspace: { name } });
  }

  /** @returns the credential */
  async newKey({ role, workspace = '', userId = '', teams = [] }: KeyOptions): Promise<string> {
    const name = `key of ${userId || 'the workspace'}`;
    return (await this.operator.admin.createApiKey({ apiKey: { name, role, workspace, userId, teams } })).credential;
  }

  /** A connection past the servers, straight to the database. */
  async database<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ connectionString: this.#databaseUrl });
    client.on('error', () => {});
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }

  /** What else the servers were started with that leads to what they use. */
  get stores(): NodeJS.ProcessEnv {
    return { DATABASE_URL: this.#databaseUrl, ...(this.#redis === undefined ? {} : { REDIS_URL: this.#redis.url }) };
  }

  async #settings(index: number): Promise<NodeJS.ProcessEnv> {
    return {
      ...this.stores,
      MEMORYHUB_LISTEN: this.addresses[index] ?? `127.0.0.1:${await freePort()}`,
      ...this.#options.settings,
    };
  }
}

/** A cluster for the whole file (or describe). */
export function testCluster(options: ClusterOptions = {}): Cluster {
  const cluster = new Cluster(options);
  beforeAll(() => cluster.start());
  afterAll(() => cluster.stop());
  return cluster;
}

/** A port of the loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
