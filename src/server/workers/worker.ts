import { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { compose, type RunningServer } from '../compose.ts';
import { isForeseen } from '../foreseen.ts';
import { keepHeapNearItsContent, keepTicksFast, keepYoungGenerationSmall, letYoungGenerationGrow } from '../heap.ts';
import { lastResort } from '../last-resort.ts';
import type { StatsSource } from '../stats/hub.ts';
import { openLogging } from '../telemetry/logger.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { JoinedStats } from './joined-stats.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { relayStats, type StatsRelay } from './relay-stats.ts';

/**
 * The program of one worker: serves on the port all workers share, until the parent says stop or is
 * gone. Ctrl-C reaches the whole process group; the parent is the one to act on it.
 */
/** What callers get to finish when something nobody caught was thrown. */
const CRASH_GRACE_MS = 2_000;

keepTicksFast();
keepHeapNearItsContent(20);
keepYoungGenerationSmall();

let server: RunningServer | undefined;
/** Told what the others count from the first moment on: whoever asks this one first gets no smaller sums than before. */
const joined = new JoinedStats();
let relay: StatsRelay | undefined;
let stopping: Promise<void> | undefined;
/** Closed when everything else is, in this order. */
const last: (() => Promise<void>)[] = [];

const tell = (message: FromWorker) => {
  if (process.connected) process.send?.(message);
};

process.on('SIGINT', () => {});
process.on('SIGTERM', () => void stop(10_000));
process.on('disconnect', () => void stop(0));
process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'start':
      return void start(message);
    case 'totals':
      joined.before = StatsFrame.decode(message.frame);
      return;
    case 'stats':
      return joined.received(message.worker, StatsFrame.decode(message.frame));
    case 'stop':
      return void stop(message.graceMs);
  }
});

async function start({ worker, config, boot, databaseUrl }: Extract<ToWorker, { kind: 'start' }>): Promise<void> {
  try {
    const terminal = process.stdout.isTTY === true;
    const logging = await openLogging({
      level: config.log_level,
      terminal,
      colour: terminal && !process.env.NO_COLOR,
      // Each worker turns its own file over; one file of several writers would lose lines.
      file: config.log_file && `${config.log_file}.worker-${worker}`,
    });
    void lastResort(logging.log).then(() => stop(CRASH_GRACE_MS));
    const tracing = await startTracing({
      endpoint: config.otlp_endpoint,
      version: boot.version,
      serverAddress: config.listen.host,
      serverPort: config.listen.port,
      only: 'traces',
      log: logging.diag,
    });
    last.push(
      () => tracing.shutdown(),
      () => logging.close(),
    );
    const joinStats = (own: StatsSource) => {
      relay = relayStats(own, (frame) => tell({ kind: 'stats', frame: StatsFrame.encode(frame).finish() }));
      return joined;
    };
    server = await compose({ config, boot, databaseUrl, ownsDatabase: false, worker, logging, tracing, joinStats });
    letYoungGenerationGrow();
    tell({ kind: 'serving', host: server.host, port: server.port });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ kind: 'failed', message, foreseen: isForeseen(error) });
    process.exitCode = 1;
    process.disconnect();
  }
}

function stop(graceMs: number): Promise<void> {
  stopping ??= (async () => {
    await server?.stop(graceMs);
    relay?.close();
    for (const close of last) await close();
    process.exit();
  })();
  return stopping;
}
