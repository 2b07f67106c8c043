import { afterAll, beforeAll } from 'vitest';
import type { Database } from '../../../src/server/database/database.ts';
import type { StatementObserver } from '../../../src/server/domain/call-context.ts';
import {
  type MemoryRepositoryOptions,
  type MemoryRepositoryParts,
  PostgresMemoryRepository,
} from '../../../src/server/repository/memory-repository.ts';
import { protoCodec } from '../../../src/server/rpc/memory/proto-codec.ts';
import { Hub } from '../../contract/fixtures.ts';
import { testDatabase } from '../../support/database.ts';

export interface RepositoryUnderTest {
  readonly repository: PostgresMemoryRepository;
  readonly database: Database & { readonly url: string };
  /** Kinds of the statements sent, in order. */
  readonly statements: string[];
  newHub(): Promise<Hub>;
  /** Another repository on the same database, as another process would have. */
  another(options?: MemoryRepositoryOptions, parts?: Partial<MemoryRepositoryParts>): PostgresMemoryRepository;
}

/** A repository on a database of its own for the whole file. */
export function testRepository(options: MemoryRepositoryOptions = {}): () => RepositoryUnderTest {
  const database = testDatabase();
  const opened: PostgresMemoryRepository[] = [];
  let subject: RepositoryUnderTest | undefined;
  beforeAll(() => {
    const statements: string[] = [];
    const observer: StatementObserver = { statement: (kind) => void statements.push(kind) };
    const another: RepositoryUnderTest['another'] = (given = options, parts = {}) => {
      const { pool, readPool, openWriteConnection } = database();
      const repository = new PostgresMemoryRepository(
        { pool, readPool, openWriteConnection, codec: protoCodec, observer, ...parts },
        given,
      );
      opened.push(repository);
      return repository;
    };
    const repository = another();
    subject = {
      repository,
      database: database(),
      statements,
      another,
      newHub: async () => new Hub(repository, await newWorkspace(database())),
    };
  });
  afterAll(async () => {
    await Promise.all(opened.map((repository) => repository.close()));
  });
  return () => {
    if (subject === undefined) throw new Error('the repository is there only while tests and hooks run');
    return subject;
  };
}

/** A workspace with nothing in it. */
export async function newWorkspace(database: Database): Promise<number> {
  const { rows } = await database.pool.query<{ id: number }>({
    text: `WITH w AS (INSERT INTO workspaces (name) VALUES (gen_random_uuid()::text) RETURNING id)
           INSERT INTO workspace_heads (workspace_id) SELECT id FROM w RETURNING workspace_id AS id`,
  });
  return rows[0]?.id ?? 0;
}
