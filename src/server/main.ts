import { randomUUID } from 'node:crypto';
import { programVersion } from '../shared/program-version.ts';
import { startBanner } from './banner.ts';
import type { Boot, ComposeOptions, RunningServer } from './compose.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { claimDataDir } from './database/embedded/claim.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './database/embedded/embedded-postgres.ts';
import { CONNECTIONS_BESIDE_POOL } from './database/pool-share.ts';
import { isForeseen } from './foreseen.ts';
import { keepHeapNearItsContent, keepTicksFast, keepYoungGenerationSmall, letYoungGenerationGrow } from './heap.ts';
import { lastResort } from './last-resort.ts';
import { Preparation } from './preparation/preparation.ts';
import { readTlsFiles, tlsPaths } from './security/tls-files.ts';
import { LogFileError } from './telemetry/log-file.ts';
import { type Logging, openLogging } from './telemetry/logger.ts';
import type { WorkersOptions } from './workers/parent.ts';

/** Connections PostgreSQL keeps for people and for a second program beside the pool. */
const SPARE_CONNECTIONS = 20;

/**
 * Runs the server until it is told to stop, and resolves to the exit code: 0 after SIGTERM or
 * Ctrl-C, 1 when it could not start, with the reason on standard error, or when it ended by a bug.
 *
 * @param warnings of who started it, for the log
 */
export async function serve(environment: NodeJS.ProcessEnv, warnings: readonly string[] = []): Promise<number> {
  keepTicksFast();
  keepHeapNearItsContent();
  keepYoungGenerationSmall();
  const stopping = nextSignal();
  let config: Config;
  const before = performance.now();
  try {
    config = loadConfig(environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) console.error(problem);
    return 1;
  }
  const configLoadMs = performance.now() - before;
  const terminal = process.stdout.isTTY === true;
  const colour = terminal && !environment.NO_COLOR;
  let logging: Logging;
  try {
    logging = await openLogging({ level: config.log_level, terminal, colour, file: config.log_file });
  } catch (error) {
    if (!(error instanceof LogFileError)) throw error;
    console.error(error.message);
    return 1;
  }
  const crashed = lastResort(logging.log);
  for (const warning of [...warnings, ...config.warnings]) logging.log.warn(warning);
  const closers: (() => unknown)[] = [];
  try {
    await start({ config, configLoadMs, logging, terminal, closers });
    const signal = await Promise.race([stopping, crashed]);
    if (signal === undefined) return 1;
    logging.log.info(`${signal}: finishing what is under way, at most ${config.drain_seconds} s`);
    return 0;
  } catch (error) {
    if (isForeseen(error)) logging.log.fatal(error.message);
    else logging.log.fatal({ err: error }, error instanceof Error ? error.message : 'the start failed');
    // The log goes elsewhere, and somebody sits there.
    if (!terminal && process.stderr.isTTY) console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    for (const close of closers.reverse()) await close();
    await logging.close();
  }
}

interface StartOptions {
  readonly config: Config;
  readonly configLoadMs: number;
  readonly logging: Logging;
  readonly terminal: boolean;
  readonly closers: (() => unknown)[];
}

async function start({ config, configLoadMs, logging, terminal, closers }: StartOptions): Promise<RunningServer> {
  const { log } = logging;
  const boot: Boot = { id: randomUUID(), time: Date.now(), version: programVersion(), configLoadMs };
  const { host, port } = config.listen;
  const tls = tlsPaths(config);
  // Refused here, before anything is started; each process reads them again for itself.
  if (tls) readTlsFiles(tls);
  const record = { address: addressText(host, port), tls: tls !== undefined, version: boot.version };
  const claim = claimDataDir(config.data_dir, record);
  closers.push(() => claim.release());

  const preparation = new Preparation(log);
  closers.push(() => preparation.close());
  let postgres: EmbeddedPostgres | undefined;
  if (config.database_url === undefined) {
    const maxConnections =
      config.pool_size + config.pool_overflow + CONNECTIONS_BESIDE_POOL * config.workers + SPARE_CONNECTIONS;
    postgres = await startEmbeddedPostgres({
      dataDir: config.data_dir,
      maxConnections,
      onNotice: (text) => log.info(text),
    });
    closers.push(() => postgres?.stop());
  }
  const databaseUrl = config.database_url ?? postgres?.url ?? '';
  await preparation.run(config, databaseUrl);

  const server =
    config.workers > 1
      ? await startWorkers({ config, boot, databaseUrl, logging })
      : await startAlone({ config, boot, databaseUrl, ownsDatabase: postgres !== undefined, logging }, closers);
  closers.push(() => server.stop(config.drain_seconds * 1000));
  const address = addressText(server.host, server.port);
  claim.setAddress(address);
  if (terminal) console.log(startBanner({ config, address, postgres }));
  else log.info({ address, data_dir: config.data_dir, version: boot.version }, 'serving');
  return server;
}

/** Serves from other processes. */
async function startWorkers(options: WorkersOptions): Promise<RunningServer> {
  return (await import('./workers/parent.ts')).startWorkers(options);
}

/** Serves from this very process. Loaded here: the parent of workers needs next to nothing of it. */
async function startAlone(
  options: Omit<ComposeOptions, 'worker' | 'tracing'>,
  closers: (() => unknown)[],
): Promise<RunningServer> {
  const { config, boot, logging } = options;
  const [{ compose }, { startTracing }] = await Promise.all([import('./compose.ts'), import('./telemetry/tracing.ts')]);
  const tracing = await startTracing({
    endpoint: config.otlp_endpoint,
    version: boot.version,
    serverAddress: config.listen.host,
    serverPort: config.listen.port,
    log: logging.diag,
  });
  closers.push(() => tracing.shutdown());
  const server = await compose({ ...options, tracing, worker: 0 });
  letYoungGenerationGrow();
  return server;
}

/** npm sends on the Ctrl-C that the terminal gave us as well: signals so soon behind each other are one. */
const SAME_PRESS_MS = 200;

/**
 * Resolves with the first SIGINT or SIGTERM; a second one ends the process at once. Started through the
 * wrapper on an older Node.js, the wrapper's end counts as one: nobody could stop the server by it any more.
 */
function nextSignal(): Promise<NodeJS.Signals | 'the process that started it is gone'> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    process.once('disconnect', () => {
      askedAt = performance.now();
      resolve('the process that started it is gone');
    });
    // Of the wrapper, which perhaps got the signal alone. Where the whole group did, this is no second one.
    process.on('message', (message) => {
      if (message === 'SIGINT') resolve(message);
    });
    process.channel?.unref();
    if (process.stdout.isTTY) {
      process.once('SIGHUP', () => {
        // The terminal was closed: what is said from here on reaches nobody, which must not end us early.
        for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
        askedAt = performance.now();
        resolve('SIGHUP');
      });
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        const now = performance.now();
        if (askedAt !== undefined && now - askedAt > SAME_PRESS_MS) process.exit(130);
        askedAt ??= now;
        resolve(signal);
      });
    }
  });
}

function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
