/**
 * What it costs that the table has grown: 95th percentiles with few and with many memories, in turn, and
 * how much the server's memory grows while everything is exported, by a fast reader and by a slow one;
 * when the first message of a list and of an export is there.
 *
 *   node load/growth.ts [--rows 1000000] [--base 10000] [--rounds 5] [--seconds 3] [--out FILE.json]
 *
 * Two servers, each on a PostgreSQL of its own, without a cache of memories in the server: that would
 * have all of the small table and little of the large one. Filling takes some minutes for a million rows.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { alternate, quantile, ratioOf } from './alternate.ts';
import { findGhz, ghzContender } from './ghz.ts';
import { residentBytes } from './process.ts';
import { exporting, firstMessages } from './readers.ts';
import { describeRun } from './report.ts';
import { saveRows } from './rows.ts';
import { startServer, type Target, writeMetadataFile } from './server.ts';
import { type Start, withStarted } from './started.ts';
import { median } from './verdict.ts';

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    base: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    out: { type: 'string' },
  },
});

const MIB = 1024 * 1024;
/** Few calls at once: a queue would hide what a call costs behind the wait for the others. */
const IN_FLIGHT = ['--concurrency', '8', '--connections', '4'];
/** Between two messages. */
const SLOW_MS = 10;
const MOST_EXPORT_MIB = 64;
const FIRST_MS = 10;
const FIRST_TIMES = 30;

interface Operation {
  readonly title: string;
  /** What p95 may grow to. */
  readonly goal: number;
  readonly scenario: string;
  /** Of a table with so many rows. */
  readonly data: (rows: number) => object;
}

const WORKSPACE = 'SCOPE_WORKSPACE';
const CONTENT = 'Deploys happen Tuesdays 14:00-16:00 UTC. {{randomString 120}}';
const anyKey = (rows: number) => `row/{{randomInt 0 ${rows}}}`;
const OPERATIONS: readonly Operation[] = [
  { title: 'Get', goal: 1.3, scenario: 'get', data: (rows) => ({ key: { scope: WORKSPACE, key: anyKey(rows) } }) },
  { title: 'Create', goal: 1.3, scenario: 'save', data: () => ({ memory: { scope: WORKSPACE, content: CONTENT } }) },
  { title: 'List, first page', goal: 1.3, scenario: 'list', data: () => ({ limit: 20 }) },
  {
    title: 'Overwrite at random',
    goal: 1.6,
    scenario: 'save',
    data: (rows) => ({ memory: { scope: WORKSPACE, key: anyKey(rows), content: CONTENT } }),
  },
];

interface Size {
  readonly rows: number;
  readonly target: Target;
}

await withStarted(async (start) => {
  const ghz = findGhz();
  if (ghz === undefined) throw new Error('growth is measured with ghz, which is not on PATH');
  const small = await filled(Number(flags.base), start);
  const large = await filled(Number(flags.rows), start);
  const costs = [];
  const first = await firstMessages(large.target, FIRST_TIMES);
  for (const operation of OPERATIONS) costs.push(await compare(ghz, operation, small, large));
  const memory = [await exportGrowth('fast', large, 0), await exportGrowth('slow', large, SLOW_MS)];
  const run = { ...describeRun(), rounds: `${flags.rounds} rounds of ${flags.seconds} s` };
  console.log(`\n${markdown(run, costs, memory, first)}`);
  if (flags.out) {
    mkdirSync(dirname(flags.out), { recursive: true });
    writeFileSync(flags.out, `${JSON.stringify({ run, costs, memory, first }, null, 2)}\n`);
  }
});

/** A server with so many memories in tables that have settled; those were saved through another one, which owns the database. */
async function filled(rows: number, start: Start): Promise<Size> {
  const owner = await start(startServer());
  // Told an address, a server does not own its database, and keeps no memories in its memory.
  const { databaseUrl, credential } = owner;
  const target = await start(startServer({ env: { DATABASE_URL: databaseUrl }, credential }));
  const startedAt = performance.now();
  await saveRows(owner, rows);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`saved ${rows.toLocaleString('en')} memories in ${seconds.toFixed(0)} s`);
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  await client.end();
  return { rows, target };
}

async function compare(ghz: string, { title, goal, scenario, data }: Operation, small: Size, large: Size) {
  const contenders = [small, large].map(({ rows, target }) =>
    ghzContender(ghz, title, target, [
      ...['--config', `load/${scenario}.json`, '--metadata-file', writeMetadataFile(target)],
      ...[...IN_FLIGHT, '--data', JSON.stringify({ ...data(rows), ...requestId(scenario) })],
    ]),
  );
  const [few, many] = await alternate(contenders, Number(flags.rounds), Number(flags.seconds));
  const ratio = ratioOf(many?.p95 ?? [], few?.p95 ?? []);
  console.log(`${title}: p95 x ${ratio.median.toFixed(2)} (goal ${goal})`);
  const isReached = ratio.high <= goal;
  const verdict = isReached ? 'reached' : ratio.low > goal ? 'missed' : 'within noise';
  return { title, goal, small: median(few?.p95 ?? []), large: median(many?.p95 ?? []), ratio, verdict };
}

function requestId(scenario: string): object {
  return scenario === 'save' ? { note: 'growth', request_id: '{{newUUID}}' } : {};
}

/** Most resident memory during an export of everything, over what it was before. */
async function exportGrowth(reader: string, { rows, target }: Size, pauseMs: number) {
  const before = sum(residentBytes(target.pid));
  target.peak.together = before;
  const { units, seconds } = await exporting(target, pauseMs).run(0);
  const grown = (target.peak.together - before) / MIB;
  return { reader, rows, before: before / MIB, grown, seconds, mib: units / MIB };
}

function markdown(
  run: Readonly<Record<string, string>>,
  costs: readonly Awaited<ReturnType<typeof compare>>[],
  memory: readonly Awaited<ReturnType<typeof exportGrowth>>[],
  first: Readonly<Record<string, readonly number[]>>,
): string {
  const sizes = [flags.base, flags.rows].map((rows) => `p95 ms, ${Number(rows).toLocaleString('en')} memories`);
  return [
    Object.values(run).join('; '),
    '',
    `| what | ${sizes.join(' | ')} | grows x (middle half) | goal | |`,
    '|---|---|---|---|---|---|',
    ...costs.map(({ title, goal, small, large, ratio, verdict }) => {
      const spread = `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)})`;
      return `| ${title} | ${small.toFixed(1)} | ${large.toFixed(1)} | ${spread} | ${goal} | ${verdict} |`;
    }),
    '',
    '| export, reader | memories | MiB as JSON | seconds | MiB resident before | grown by | goal | |',
    '|---|---|---|---|---|---|---|---|',
    ...memory.map(({ reader, rows, before, grown, seconds, mib }) => {
      const cells = [reader, rows.toLocaleString('en'), mib.toFixed(0), seconds.toFixed(1), before.toFixed(0)];
      const verdict = grown <= MOST_EXPORT_MIB ? 'reached' : 'missed';
      return `| ${cells.join(' | ')} | ${grown.toFixed(1)} | ${MOST_EXPORT_MIB} | ${verdict} |`;
    }),
    '',
    '| the first message of | median ms | p90 ms | goal | |',
    '|---|---|---|---|---|',
    ...Object.entries(first).map(([name, times]) => {
      const [p50, p90] = [quantile(times, 0.5), quantile(times, 0.9)];
      const verdict = p90 <= FIRST_MS ? 'reached' : p50 > FIRST_MS ? 'missed' : 'within noise';
      return `| ${name} | ${p50.toFixed(1)} | ${p90.toFixed(1)} | ${FIRST_MS} | ${verdict} |`;
    }),
  ].join('\n');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
