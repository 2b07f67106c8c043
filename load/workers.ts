import { availableParallelism } from 'node:os';
import { alternate, type Contender, ratioOf, type Series } from './alternate.ts';
import { startDatabase } from './database.ts';
import { fixedCalls, GET, SAVE } from './fixed-calls.ts';
import { hasRedis, startRedis } from './floors/redis.ts';
import { ghzContender } from './ghz.ts';
import { hasH2load } from './h2load.ts';
import { readRows, saveRows } from './rows.ts';
import { startServer, type Target, writeMetadataFile } from './server.ts';
import { withStarted } from './started.ts';
import { rate, spread } from './suite-report.ts';

export interface WorkersOptions {
  readonly ghz: string;
  /** Worker processes, beside one process without any. */
  readonly workers: number;
  readonly rows: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Only rows whose title has this in it. */
  readonly only: string;
}

/** One line: the server of several workers and the one of a single process in turn. */
export interface WorkersRow {
  readonly title: string;
  readonly several: Series;
  readonly one: Series;
}

const IN_FLIGHT = ['--concurrency', '64', '--connections', '8'];
/** Of two workers beside one process, where every process has a core: two servers, ghz or h2load, PostgreSQL, Redis. */
const GOAL = 1.8;
const CORES_TO_JUDGE = 6;

/**
 * Workers share a database with each other, so that none may trust a cache of its own; one process beside them is
 * put in the same place: on the same PostgreSQL, which neither of them runs, first without a cache and then with the
 * same Redis.
 */
export function measureWorkers(options: WorkersOptions): Promise<WorkersRow[]> {
  return withStarted(async (start) => {
    const database = await start(startDatabase());
    const without = { DATABASE_URL: database.url };
    const first = await start(startServer({ env: without }));
    const { credential } = first;
    await saveRows(first, options.rows);
    const withWorkers = (env: Record<string, string>) =>
      start(startServer({ env: { ...env, MEMORYHUB_WORKERS: String(options.workers) }, credential }));
    const rows = await measure('no cache', await withWorkers(without), first, options);
    if (!hasRedis()) return rows;
    const redis = await start(startRedis());
    const env = { ...without, REDIS_URL: redis.url };
    const one = await start(startServer({ env, credential }));
    const several = await withWorkers(env);
    await readRows(one, options.rows);
    return [...rows, ...(await measure('Redis', several, one, options))];
  });
}

async function measure(cache: string, several: Target, one: Target, options: WorkersOptions): Promise<WorkersRow[]> {
  const { ghz, rows, rounds, seconds, only } = options;
  const data = JSON.stringify({ key: { scope: 'SCOPE_WORKSPACE', key: `row/{{randomInt 0 ${rows}}}` } });
  const byGhz = (scenario: string, flags: readonly string[]) => (name: string, target: Target) => {
    const all = ['--config', `load/${scenario}.json`, '--metadata-file', writeMetadataFile(target), ...IN_FLIGHT];
    return ghzContender(ghz, name, target, [...all, ...flags]);
  };
  const byH2load = (call: typeof GET) => (name: string, target: Target) =>
    fixedCalls(name, call, target, target.credential);
  const calls: Record<string, (name: string, target: Target) => Contender> = {
    Get: byGhz('get', ['--data', data]),
    Save: byGhz('save', []),
    ...(hasH2load() && { 'Get by h2load': byH2load(GET), 'Save by h2load': byH2load(SAVE) }),
  };
  const measured: WorkersRow[] = [];
  for (const [call, contender] of Object.entries(calls)) {
    const title = `${call}, ${cache}`;
    if (!title.includes(only)) continue;
    const contenders = [contender('workers', several), contender('one process', one)];
    const [ours, base] = await alternate(contenders, rounds, seconds);
    if (!ours || !base) continue;
    console.log(`${title}: ${spread(ratioOf(ours.rates, base.rates))} of one process`);
    measured.push({ title, several: ours, one: base });
  }
  return measured;
}

/** As a table. It is judged only where there are cores for it: on two, what a second process wins another one loses. */
export function workersMarkdown(rows: readonly WorkersRow[], workers: number, cores = availableParallelism()): string {
  const isJudged = workers === 2 && cores >= CORES_TO_JUDGE;
  const lines = rows.map(({ title, several, one }) => {
    const ratio = ratioOf(several.rates, one.rates);
    const verdict = ratio.low >= GOAL ? 'reached' : ratio.high < GOAL ? 'missed' : 'within noise';
    const cells = [title, rate(several, 'calls'), rate(one, 'calls'), spread(ratio)];
    cells.push(spread(ratioOf(one.cpuUs, several.cpuUs)));
    return `| ${[...cells, ...(isJudged ? [GOAL.toFixed(1), verdict] : [])].join(' | ')} |`;
  });
  return [
    `| what | ${workers} workers | one process | ratio (middle half) | by processor time |${isJudged ? ' goal | |' : ''}`,
    `|---|---|---|---|---|${isJudged ? '---|---|' : ''}`,
    ...lines,
    ...(isJudged
      ? []
      : ['', `Not judged: the goal is for two workers on ${CORES_TO_JUDGE} cores or more, here are ${cores}.`]),
  ].join('\n');
}
