import { Memory } from '../src/shared/gen/memoryhub/v1/memory.ts';
import { alternate, type Contender, ratioOf } from './alternate.ts';
import { type Child, startFloor } from './child.ts';
import { fixedCalls, GET } from './fixed-calls.ts';
import { hasEtcd, startEtcd } from './floors/etcd.ts';
import { hasRedis, redisGets, startRedis } from './floors/redis.ts';
import { copy, cursor } from './floors/sql.ts';
import { ghzContender, ghzRun } from './ghz.ts';
import { hasH2load } from './h2load.ts';
import { exporting, listing } from './readers.ts';
import { getRows, readRows, saveRows } from './rows.ts';
import {
  NO_MEMORY,
  type PeakMemory,
  type ServerOptions,
  startServer,
  type Target,
  writeMetadataFile,
} from './server.ts';
import { type Start, withStarted } from './started.ts';
import { spread } from './suite-report.ts';
import { judge, type Measured, type Row } from './verdict.ts';

export interface SuiteOptions {
  readonly ghz: string;
  /** Memories in the database when reading begins. */
  readonly rows: number;
  /** Times that everything is started anew and measured. */
  readonly starts: number;
  /** Of one start. */
  readonly rounds: number;
  /** Of one contender in one round. */
  readonly seconds: number;
  /** Only rows whose title has this in it. */
  readonly only: string;
}

/** Calls in flight and connections, the same for ours and the floor. */
const IN_FLIGHT = ['--concurrency', '64', '--connections', '4'];
const BATCHES_IN_FLIGHT = ['--concurrency', '4', '--connections', '4'];
/** Goal of reads that are not cached. */
const UNCACHED = 0.65;
/** Memories that reads of the process' own cache ask for: it has room for them. In etcd, too. */
const WORKING_SET = 10_000;
/** What etcd keeps: about as long as a memory. */
const VALUE = '{{randomString 300}}';
/** Rows whose messages the echo answers with: as long, taken together, as those that are asked for. */
const SAMPLE = 200;

/** Every row of the table: ours and its floor in turn, against servers started for it, several times. */
export async function runSuite(options: SuiteOptions): Promise<{ rows: Row[]; peak: PeakMemory }> {
  const measured: Measured[][] = [];
  const peak = { ...NO_MEMORY };
  for (let start = 1; start <= options.starts; start++) {
    console.log(`start ${start} of ${options.starts}`);
    const { rows, peak: seen } = await runOnce(options);
    for (const [index, row] of rows.entries()) measured[index] = [...(measured[index] ?? []), row];
    for (const kind of Object.keys(peak) as (keyof PeakMemory)[]) peak[kind] = Math.max(peak[kind], seen[kind]);
  }
  return { rows: measured.map(judge), peak };
}

function runOnce(options: SuiteOptions): Promise<Suite> {
  return withStarted(async (start) => {
    const suite = new Suite(options, start);
    await suite.run();
    return suite;
  });
}

class Suite {
  readonly rows: Measured[] = [];
  /** The server that has embedded PostgreSQL. */
  peak: Readonly<PeakMemory> = NO_MEMORY;
  readonly #options: SuiteOptions;
  readonly #start: Start;
  readonly #servers: Target[] = [];

  constructor(options: SuiteOptions, start: Start) {
    this.#options = options;
    this.#start = start;
  }

  async run(): Promise<void> {
    const target = await this.#startServer();
    this.peak = target.peak;
    console.log(`saving ${this.#options.rows} rows`);
    await saveRows(target, this.#options.rows);
    await readRows(target, this.#options.rows);
    const { rows } = this.#options;
    const sampled = Array.from({ length: Math.min(SAMPLE, rows) }, (_, i) => Math.floor((i * rows) / SAMPLE));
    const messages = (await getRows(target, sampled)).map((memory) => Buffer.from(Memory.encode(memory).finish()));
    const echo = await this.#startEcho(messages);

    const get = (name: string, { address, pid }: { address: string; pid: number }, of = rows) =>
      this.#ghz(name, 'get', target, { address, pid }, [...IN_FLIGHT, '--data', getOneOf(of)]);
    const workingSet = Math.min(rows, WORKING_SET);
    const etcd = hasEtcd() ? await this.#start(startEtcd()) : undefined;
    const range = etcd && (await this.#etcdRange(etcd, workingSet));
    const beside = range ? [range] : [];
    const cached = get('GetMemory', target, workingSet);
    await this.#row('cached Get, one process', 0.9, 'calls', cached, get('echo', echo), beside);
    if (hasH2load()) {
      const fixed = (name: string, server: { address: string; pid: number }) =>
        fixedCalls(name, GET, server, target.credential);
      const title = 'cached Get, one process, by h2load';
      const same = await this.#startEcho(messages.slice(0, 1));
      await this.#row(title, 0.9, 'calls', fixed('GetMemory', target), fixed('echo', same));
    }
    if (rows > workingSet) {
      // A cache with room for few of what is asked for is to cost no more than none; where all fit it is judged too mildly.
      const title = 'Get of all, one process';
      await this.#row(title, UNCACHED, 'calls', get('GetMemory', target), get('echo', echo));
    }
    await this.#shared(target, get, get('echo', echo), messages[0] as Buffer);
    await this.#writes(target, etcd);
    await this.#row('List, all rows', 0.5, 'rows', listing(target), cursor(target.databaseUrl));
    await this.#row('Export, all rows', 0.5, 'bytes', exporting(target), copy(target.databaseUrl));
    if (this.#servers.every((server) => server.traces() === 0)) {
      throw new Error('the servers sent no traces: not everything was on');
    }
  }

  /** Servers of which there could be more on one database: reads of Redis, and of Postgres. */
  async #shared(
    target: Target,
    get: (name: string, server: Target) => Contender,
    echo: Contender,
    message: Buffer,
  ): Promise<void> {
    const { databaseUrl, credential } = target;
    const plain = await this.#startServer({ env: { DATABASE_URL: databaseUrl }, credential });
    await this.#row('uncached Get', UNCACHED, 'calls', get('GetMemory', plain), echo);
    if (!hasRedis()) return;
    const redis = await this.#start(startRedis());
    const env = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url };
    const cached = await this.#startServer({ env, credential });
    await readRows(cached, this.#options.rows);
    const beside = [redisGets(redis.url, message)];
    await this.#row('cached Get, Redis', 0.85, 'calls', get('GetMemory', cached), echo, beside);
  }

  async #writes(target: Target, etcd: Child | undefined): Promise<void> {
    const unnest = await this.#start(startFloor('floors/unnest.ts', [target.databaseUrl]));
    const save = (name: string, server: { address: string; pid: number }) =>
      this.#ghz(name, 'save', target, server, IN_FLIGHT);
    const beside = etcd ? [this.#etcd('Put', etcd, { key: '{{newUUID}}', value: VALUE })] : [];
    await this.#row('Save', 0.75, 'calls', save('SaveMemory', target), save('plain unnest', unnest), beside);
    const batch = (name: string, server: { address: string; pid: number }) =>
      this.#ghz(name, 'batch', target, server, BATCHES_IN_FLIGHT);
    await this.#row('Batch of 100', 0.7, 'calls', batch('BatchSaveMemories', target), batch('plain unnest', unnest));
  }

  /** Keys like those of memories, read one by one as those are. */
  async #etcdRange(etcd: Child, rows: number): Promise<Contender> {
    const { ghz } = this.#options;
    const put = this.#etcdFlags('Put', { key: 'row/{{.RequestNumber}}', value: VALUE });
    await ghzRun(ghz, 'etcd Put', [...put, '--total', String(rows), etcd.address]);
    return this.#etcd('Range', etcd, { key: `row/{{randomInt 0 ${rows}}}` });
  }

  #etcd(method: string, etcd: Child, request: object): Contender {
    return ghzContender(this.#options.ghz, `etcd ${method}`, etcd, this.#etcdFlags(method, request));
  }

  #etcdFlags(method: string, request: object): string[] {
    const call = ['--proto', 'load/floors/etcd.proto', '--call', `etcdserverpb.KV/${method}`, '--insecure'];
    return [...call, '--data', JSON.stringify(request), ...IN_FLIGHT];
  }

  async #row(
    title: string,
    goal: number,
    unit: string,
    ours: Contender,
    floor: Contender,
    beside: readonly Contender[] = [],
  ): Promise<void> {
    const { only, rounds, seconds } = this.#options;
    if (!title.includes(only)) return;
    const [mine, base, ...others] = await alternate([ours, floor, ...beside], rounds, seconds);
    if (!mine || !base) return;
    console.log(`${title}: ${spread(ratioOf(mine.rates, base.rates))} of ${base.name} (goal ${goal})`);
    this.rows.push({ title, goal, unit, ours: mine, floor: base, beside: others });
  }

  #ghz(
    name: string,
    scenario: string,
    target: Target,
    server: { address: string; pid: number },
    flags: readonly string[],
  ): Contender {
    const all = ['--config', `load/${scenario}.json`, '--metadata-file', writeMetadataFile(target), ...flags];
    return ghzContender(this.#options.ghz, name, server, all);
  }

  async #startServer(options: ServerOptions = {}): Promise<Target> {
    const server = await this.#start(startServer(options));
    this.#servers.push(server);
    return server;
  }

  #startEcho(messages: readonly Buffer[]): Promise<Child> {
    return this.#start(
      startFloor(
        'floors/echo.ts',
        messages.map((message) => message.toString('base64')),
      ),
    );
  }
}

function getOneOf(rows: number): string {
  return JSON.stringify({ key: { scope: 'SCOPE_WORKSPACE', key: `row/{{randomInt 0 ${rows}}}` } });
}
