import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { runFallback } from './fallback.ts';
import { measureFront } from './front.ts';
import { frontMarkdown, hasFailed } from './front-report.ts';
import { findGhz, runGhz, type ScenarioResult } from './ghz.ts';
import { findNginx } from './nginx.ts';
import { ratioPlot } from './plot.ts';
import { profileScenario } from './profile-run.ts';
import { describeRun, markdownTable } from './report.ts';
import { NO_MEMORY, startServer, type Target, writeMetadataFile } from './server.ts';
import { runSuite } from './suite.ts';
import { comparison, type SuiteReport, suiteMarkdown } from './suite-report.ts';
import { measureWorkers, workersMarkdown } from './workers.ts';

const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    address: { type: 'string' },
    'key-file': { type: 'string' },
    out: { type: 'string' },
    fallback: { type: 'boolean', default: false },
    suite: { type: 'boolean', default: false },
    rows: { type: 'string', default: '10000' },
    starts: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    compare: { type: 'string' },
    profile: { type: 'string' },
    workers: { type: 'string' },
    front: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const HELP = `npm run load -- [--short] [--address HOST:PORT --key-file FILE] [--out FILE.json] [--fallback]

The guide's scenario (100 users, 10 more each second, half of them saving and half listing at the same time,
for a minute), then get, batches of 100 and export, each with ghz. Without --address a server of its own is
started on a temporary data directory. --short: 12 s. --fallback: without ghz, by a loop of our own.

npm run load -- --suite [--rows 10000] [--starts 3] [--rounds 5] [--seconds 3] [--only TITLE] [--compare BASE.json]
                        [--out FILE.json]

Every operation in turn with its floor, as ratios, judged by the goals; everything is started anew --starts times.
With --out also as Markdown and SVG beside FILE.json; --compare shows what changed since the run that wrote BASE.json.

npm run load -- --profile get|save|list|batch|export [--seconds 3]

A CPU profile of the server under one scenario: its hottest functions, and a flame graph in load/results.

npm run load -- --workers 2 [--rows 10000] [--rounds 5] [--seconds 3] [--only TITLE] [--out FILE.json]

Get and Save of a server with so many workers in turn with one process on the same PostgreSQL, without a cache and
with the same Redis, by ghz and by h2load.

npm run load -- --front [--rounds 5] [--seconds 3] [--only save|list|get|batch|export|restart] [--out FILE.json]

Two servers behind nginx as deploy/nginx.conf has it, in turn with the same two reached directly; then both are
restarted, one after the other, under calls of which none may fail.`;

/** Runs the scenarios and returns their results; `seconds` is the length of the guide's scenario. */
async function runAll(ghz: string, target: Target, seconds: number): Promise<ScenarioResult[]> {
  const common = ['--metadata-file', writeMetadataFile(target)];
  const run = (scenario: string, ...flags: string[]) => runGhz(ghz, scenario, target.address, [...common, ...flags]);
  const ramp = ['--concurrency-schedule', 'step', '--concurrency-start', '5', '--concurrency-end', '50'];
  ramp.push('--concurrency-step', '5', '--concurrency-step-duration', '1s', '--duration', `${seconds}s`);

  await run('seed');
  const together = await Promise.all([run('save', ...ramp), run('list', ...ramp)]);
  const alone = [];
  for (const scenario of ['get', 'batch', 'export']) {
    alone.push(await run(scenario, '--duration', `${Math.max(3, Math.round(seconds / 6))}s`));
  }
  return [...together, ...alone];
}

async function main(): Promise<number> {
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const needsGhz = options.suite || options.profile || options.workers || options.front;
  if (options.fallback && needsGhz) throw new Error('--suite, --profile, --workers and --front need ghz');
  const ghz = options.fallback ? undefined : findGhz();
  if (!ghz && !options.fallback) {
    console.error(
      'ghz is not on PATH, and neither is Go to install it. Get it from its releases or with\n' +
        '  go install github.com/bojand/ghz/cmd/ghz@latest\n' +
        'or measure without it, by a loop of our own that is not ghz: npm run load -- --fallback',
    );
    return 1;
  }
  if (ghz && options.suite) return suite(ghz);
  if (ghz && options.workers) return workers(ghz, Number(options.workers));
  if (ghz && options.front) return front(ghz);
  if (ghz && options.profile) {
    await profileScenario(ghz, options.profile, Number(options.seconds));
    return 0;
  }
  const target = options.address ? givenTarget(options.address) : await startServer();
  try {
    // Not ten: when a step of the ramp falls on the end of the run, ghz may panic (send on closed channel).
    const seconds = options.short ? 12 : 60;
    const results = ghz ? await runAll(ghz, target, seconds) : await runFallback(target, seconds);
    const run = describeRun();
    if (!ghz) console.log('NOT ghz: figures of the fallback loop, which runs in one Node process.');
    console.log(`${Object.values(run).join('; ')}\n\n${markdownTable(results, target.peak)}`);
    writeOut({ run, results, peak: target.peak });
    return results.some((result) => Object.keys(result.errors).length > 0) ? 2 : 0;
  } finally {
    await target.stop();
  }
}

async function suite(ghz: string): Promise<number> {
  const { only, compare, out } = options;
  const { rows, rounds, seconds } = amounts();
  const starts = Number(options.starts);
  const measured = await runSuite({ ghz, rows, starts, rounds, seconds, only });
  const amount = `${starts} starts of ${rounds} rounds of ${seconds} s`;
  const run = { ...describeRun(), rows: `${rows} memories`, rounds: amount };
  const report: SuiteReport = { run, rows: measured.rows, peak: measured.peak };
  console.log(`\n${suiteMarkdown(report)}`);
  if (compare) console.log(`\n${comparison(JSON.parse(readFileSync(compare, 'utf8')) as SuiteReport, report)}`);
  writeOut(report);
  if (out) {
    writeFileSync(out.replace(/(\.json)?$/, '.svg'), ratioPlot(report.rows));
    writeFileSync(out.replace(/(\.json)?$/, '.md'), `${suiteMarkdown(report)}\n`);
  }
  return report.rows.some(({ verdict }) => verdict === 'missed') ? 3 : 0;
}

async function workers(ghz: string, count: number): Promise<number> {
  const { rows, rounds, seconds } = amounts();
  const measured = await measureWorkers({ ghz, workers: count, rows, rounds, seconds, only: options.only });
  const run = { ...describeRun(), rows: `${rows} memories`, rounds: `${rounds} rounds of ${seconds} s` };
  console.log(`\n${Object.values(run).join('; ')}\n\n${workersMarkdown(measured, count)}`);
  writeOut({ run, workers: count, rows: measured });
  return 0;
}

async function front(ghz: string): Promise<number> {
  const nginx = findNginx();
  if (!nginx) {
    console.error('nginx is neither on PATH nor in /usr/sbin: apt-get install nginx-light');
    return 1;
  }
  const { rounds, seconds } = amounts();
  const report = await measureFront({ ghz, nginx, rounds, seconds, only: options.only });
  const run = { ...describeRun(), rounds: `${rounds} rounds of ${seconds} s` };
  console.log(`\n${Object.values(run).join('; ')}\n\n${frontMarkdown(report)}`);
  writeOut({ run, ...report });
  return hasFailed(report) ? 2 : 0;
}

function amounts(): { rows: number; rounds: number; seconds: number } {
  return { rows: Number(options.rows), rounds: Number(options.rounds), seconds: Number(options.seconds) };
}

/** Where --out says, if it does. */
function writeOut(report: object): void {
  if (!options.out) return;
  mkdirSync(dirname(options.out), { recursive: true });
  writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
}

function givenTarget(address: string): Target {
  const keyFile = options['key-file'] ?? '.memory-hub/admin.key';
  const credential = readFileSync(keyFile, 'utf8').trim();
  return {
    address,
    credential,
    pid: 0,
    databaseUrl: '',
    peak: { ...NO_MEMORY },
    inspectorUrl: '',
    traces: () => 0,
    stop: async () => {},
  };
}

process.exitCode = await main();
