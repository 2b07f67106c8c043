/**
 * What reading everything costs before it meets gRPC: lists and exports against what `pg` needs to read
 * the same rows with a cursor, or with COPY.
 *
 *   node load/micro/read-path.ts [--rounds 5] [--rows 50000] [--url URL]
 *
 * Starts PostgreSQL in a temporary folder unless it is told an address. All are run in turn, A B A B;
 * shown are the medians of microseconds a row: on the wall clock, and of the processor in this process
 * and in PostgreSQL's backends, which other work on the machine moves little. Linux only.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Database, openDatabase } from '../../src/server/database/database.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { MemoryExport } from '../../src/server/domain/export-memories.ts';
import { MemoryListing } from '../../src/server/domain/list-memories.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { MetadataSealing, type RevealingCall } from '../../src/server/domain/sealing/metadata-sealing.ts';
import { PostgresMemoryRepository } from '../../src/server/repository/memory-repository.ts';
import { CHUNK_ROOM } from '../../src/server/rpc/memory/chunk-message.ts';
import { ExportChunks } from '../../src/server/rpc/memory/export-chunks.ts';
import { rowFormat } from '../../src/server/rpc/memory/export-formats.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { protoRow } from '../../src/server/rpc/memory/proto-row.ts';
import { TokenSealer } from '../../src/server/security/token-sealer.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';
import { quantile } from '../alternate.ts';
import { copy, cursor } from '../floors/sql.ts';
import { postgresSeconds } from '../process.ts';
import { insertRows } from '../rows.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    rows: { type: 'string', default: '50000' },
    only: { type: 'string', default: '' },
    url: { type: 'string' },
  },
});

const CALL: RevealingCall = {
  principal: { keyId: 'micro', name: 'micro', role: Role.READER, workspaceId: 1, workspace: 'micro', access: UNBOUND },
  peer: '',
  workspaceId: 1,
  workspace: 'micro',
  access: UNBOUND,
  author: 'micro',
  keyId: 'micro',
  callId: 'micro',
  deadlineAt: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  ended: false,
  observe: () => {},
};

/** Reads everything once. @returns bytes that came of it; of the cursor rows */
interface Reader {
  readonly name: string;
  read(): Promise<number>;
}

if (flags.url !== undefined) await compare(flags.url);
else {
  const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-micro-'));
  const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 50 });
  try {
    const database = await openDatabase({ url: postgres.url, poolMax: 4, poolMin: 0 });
    await migrate(await database.orm());
    await insertRows(database.pool, Number(flags.rows));
    await database.close();
    await compare(postgres.url);
  } finally {
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function compare(url: string): Promise<void> {
  const database = await openDatabase({ url, poolMax: 4, poolMin: 0 });
  const { rows } = await database.pool.query<{ count: number; pid: number }>({
    text: 'SELECT count(*)::int AS count, pg_backend_pid() AS pid FROM memories WHERE workspace_id = 1',
  });
  const { count = 0, pid = 0 } = rows[0] ?? {};
  const readers = readersOf(database, url).filter(({ name }) => name.includes(flags.only));
  const seen = readers.map(() => ({ wall: [] as number[], here: [] as number[], backend: [] as number[], bytes: 0 }));
  for (let round = -1; round < Number(flags.rounds); round++) {
    for (const [index, reader] of readers.entries()) {
      const backend = postgresSeconds(pid);
      const here = process.cpuUsage();
      const startedAt = performance.now();
      const bytes = await reader.read();
      const wall = (performance.now() - startedAt) * 1000;
      const { user, system } = process.cpuUsage(here);
      const into = seen[index];
      // The first only warms up.
      if (round < 0 || into === undefined) continue;
      into.wall.push(wall / count);
      into.here.push((user + system) / count);
      into.backend.push(((postgresSeconds(pid) - backend) * 1e6) / count);
      into.bytes = bytes;
    }
  }
  for (const [index, { name }] of readers.entries()) {
    const { wall = [], here = [], backend = [], bytes = 0 } = seen[index] ?? {};
    const figures = [wall, here, backend].map((series) => quantile(series, 0.5).toFixed(2).padStart(6));
    const size = `${(bytes / count).toFixed(0)} bytes a row`;
    console.log(`${name.padEnd(14)} wall ${figures[0]}  here ${figures[1]}  backend ${figures[2]} us/row  ${size}`);
  }
  await database.close();
}

function readersOf(database: Database, url: string): Reader[] {
  const { pool, openWriteConnection } = database;
  const observer = { statement: () => {} };
  const parts = { pool, readPool: pool, openWriteConnection, codec: protoCodec, observer };
  const repository = new PostgresMemoryRepository(parts);
  const tokens = new TokenSealer(Buffer.alloc(32));
  const names = new SensitiveNames([]);
  // Nothing is sealed or revealed here.
  const sealing = new MetadataSealing({ names, repository, sealer: undefined as never, audit: undefined as never });
  const list = async () => {
    const request = { filter: '', orderBy: '', limit: 0, pageToken: '', showDeleted: false, view: 0, consistency: 0 };
    let bytes = 0;
    for await (const { rows } of new MemoryListing(repository, tokens, CALL, request, names).pages(
      protoRow(10, true),
    )) {
      bytes += rows.size;
    }
    return bytes;
  };
  const exporting = (format: number) => async () => {
    const request = { filter: '', format, resumeToken: '', showDeleted: false, revealSensitive: false };
    const running = new MemoryExport(repository, tokens, CALL, request, sealing);
    const start = await running.start();
    const { head, write } = rowFormat(format);
    const chunks = new ExportChunks(head, start, false);
    let bytes = 0;
    for await (const rows of running.pages(start, write)) {
      for (const { out } of chunks.add(rows)) bytes += out.length - CHUNK_ROOM;
    }
    return bytes;
  };
  const floor = async (contender: ReturnType<typeof cursor>) => (await contender.run(0)).units;
  return [
    { name: 'pg cursor', read: () => floor(cursor(url)) },
    { name: 'list', read: list },
    { name: 'COPY', read: () => floor(copy(url)) },
    { name: 'export PROTO', read: exporting(1) },
    { name: 'export JSONL', read: exporting(2) },
    { name: 'export CSV', read: exporting(3) },
  ];
}
