/**
 * What the write statement costs above the plain insert of the same rows into the same tables, one
 * connection each, in one process, without gRPC.
 *
 *   node load/micro/write-path.ts [--rounds 7] [--preload 100000] [--only TITLE] [--base DIR] [--sql TEXT]
 *
 * Starts PostgreSQL in a temporary folder, with fsync as in production. The floor is one statement over
 * unnest arrays, prepared, that inserts memories, revisions and request log and decides nothing; ours
 * are the statements of the group commit as its connection sends them. All are run in turn, A B A B,
 * and the medians of the rounds shown: microseconds a row on the wall clock, and of the processor of
 * the PostgreSQL backend alone, which other work on the machine does not touch. `--base` names another
 * checkout, whose statements run beside ours; `--only` takes the shapes with these words in their title;
 * `--sql` is run before, for instance to drop an index and see what it costs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Database, openDatabase } from '../../src/server/database/database.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { quantile, ratioOf } from '../alternate.ts';
import { openFloor } from './plain-unnest.ts';
import { type Contender, measure, openOurs, preload, type Shape } from './writing.ts';

const SHAPES: readonly Shape[] = [
  { title: 'one save', requests: 1, changes: 1, fresh: true },
  { title: '32 saves', requests: 32, changes: 1, fresh: true },
  { title: '64 saves', requests: 64, changes: 1, fresh: true },
  { title: '256 saves', requests: 256, changes: 1, fresh: true },
  { title: 'a batch of 100', requests: 1, changes: 100, fresh: true },
  { title: '64 overwrites', requests: 64, changes: 1, fresh: false },
];

/** Each floor counts on from numbers that none before it had. */
let nextChange = 1;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    preload: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
    sql: { type: 'string', default: '' },
    base: { type: 'string' },
  },
});

const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-micro-'));
const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 50 });
try {
  const database = await openDatabase({ url: postgres.url, poolMax: 4, poolMin: 0 });
  await migrate(await database.orm());
  if (flags.sql !== '') await database.pool.query({ text: flags.sql });
  await preload(database, Number(flags.preload));
  for (const shape of SHAPES.filter(({ title }) => title.includes(flags.only))) await compare(database, shape);
  await database.close();
} finally {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function compare(database: Database, shape: Shape): Promise<void> {
  const contenders: Contender[] = [await openFloor(await database.openWriteConnection(), nextChange, shape)];
  nextChange += 10_000_000;
  const root = new URL('../../', import.meta.url).href;
  const roots = flags.base === undefined ? [root] : [`file://${flags.base}/`, root];
  for (const each of roots) contenders.push(await openOurs(database, each, each === root ? 'ours' : 'base', shape));
  const rounds = Number(flags.rounds);
  const seen = contenders.map(() => ({ wall: [] as number[], cpu: [] as number[] }));
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const { wall, cpu } = await measure(contender, index + 1, shape);
      // The first only warms up.
      if (round < 0) continue;
      seen[index]?.wall.push(wall);
      seen[index]?.cpu.push(cpu);
    }
  }
  const floor = seen[0];
  for (const [index, { name }] of contenders.entries()) {
    const { wall = [], cpu = [] } = seen[index] ?? {};
    const ratio = ratioOf(floor?.wall ?? [], wall);
    const cpuRatio = ratioOf(floor?.cpu ?? [], cpu);
    const cells = [
      shape.title.padEnd(16),
      name.padEnd(6),
      `wall ${quantile(wall, 0.5).toFixed(1).padStart(6)} us/row`,
      `speed ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}) x floor`,
      `backend ${quantile(cpu, 0.5).toFixed(1).padStart(6)} us/row`,
      `${cpuRatio.median.toFixed(2)} (${cpuRatio.low.toFixed(2)}-${cpuRatio.high.toFixed(2)}) x floor`,
    ];
    console.log(cells.join('  '));
  }
  await Promise.all(contenders.map((contender) => contender.end()));
}
