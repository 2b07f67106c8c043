import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embeddedUrl } from '../src/server/database/embedded/running-url.ts';
import { accepts } from './accepts.ts';
import { startCollector } from './collector.ts';
import { proportionalBytes, residentBytes } from './process.ts';
import { scratchFile } from './scratch.ts';

const ROOT = join(import.meta.dirname, '..');

/** Of Node.js, as a server starts itself with. Floors get the same: half of what grpc-js costs is garbage collection. */
export const SERVER_FLAGS = ['--max-semi-space-size=16'];

/**
 * What the goals call everything on, beside what always is: a span of one call in a hundred, sent to a collector, and
 * limits that count every call. The highest there are, so that none is refused.
 */
const EVERYTHING_ON = {
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0.01',
  MEMORYHUB_RATE_LIMIT_KEY: '1000000',
  MEMORYHUB_RATE_LIMIT_WORKSPACE: '1000000',
};

/** Most memory seen since the last reset, in bytes; 0 for a server that is not ours. */
export interface PeakMemory {
  /** Resident, of one process. */
  largest: number;
  /** Resident, the sum of all processes: what they share counts for each. */
  together: number;
  /** The same with what they share counted once. */
  proportional: number;
}

/** A server to put under load. */
export interface Target {
  readonly address: string;
  readonly credential: string;
  /** Of its main process; 0 for a server that is not ours. */
  readonly pid: number;
  /** PostgreSQL's address; empty for a server that is not ours. */
  readonly databaseUrl: string;
  readonly peak: PeakMemory;
  /** Empty unless it was asked for. */
  readonly inspectorUrl: string;
  /** Messages with spans that it has sent. */
  traces(): number;
  stop(): Promise<void>;
}

export const NO_MEMORY: Readonly<PeakMemory> = { largest: 0, together: 0, proportional: 0 };

/** How a server of our own differs from the plain one. */
export interface ServerOptions {
  /** Settings, over those of this process' environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node.js. */
  readonly nodeFlags?: readonly string[];
  /** Opens the inspector, for profiles. */
  readonly inspect?: boolean;
  /** For a server on the database of another one, which has made the keys. */
  readonly credential?: string;
}

/**
 * Starts a server of its own: a temporary folder, a free port, everything on; unless told otherwise embedded PostgreSQL,
 * real fsync.
 */
export async function startServer(options: ServerOptions = {}): Promise<Target> {
  const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-load-'));
  const { env = {}, nodeFlags = [], inspect = false } = options;
  const collector = await startCollector();
  const flags = [...nodeFlags, ...(inspect ? ['--inspect=127.0.0.1:0'] : [])];
  const server = spawn(process.execPath, [...flags, 'src/cli/memory-hub.js', 'serve'], {
    cwd: ROOT,
    env: {
      ...process.env,
      MEMORYHUB_DATA_DIR: dataDir,
      MEMORYHUB_LISTEN: '127.0.0.1:0',
      LOG_LEVEL: 'warn',
      // The floors do not compress, and a loopback is not spared by it: micro/compression.ts tells what it costs.
      MEMORYHUB_COMPRESSION_MIN_BYTES: '0',
      ...EVERYTHING_ON,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let inspectorUrl = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    const url = /^Debugger listening on (\S+)/m.exec(text)?.[1];
    if (url) inspectorUrl = url;
    else if (!inspect) process.stderr.write(text);
  });
  let exited = false;
  const exit = new Promise<void>((resolve) => {
    server.once('exit', () => {
      exited = true;
      resolve();
    });
  });
  const pid = server.pid ?? 0;
  const peak = { ...NO_MEMORY };
  // Linux walks all pages of a process for it, some milliseconds each: not as often.
  const shares = setInterval(() => {
    peak.proportional = Math.max(peak.proportional, proportionalBytes(pid));
  }, 1000);
  const sampler = setInterval(() => {
    const sizes = residentBytes(pid);
    peak.largest = Math.max(peak.largest, ...sizes);
    peak.together = Math.max(
      peak.together,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  }, 250);
  const stop = async () => {
    clearInterval(sampler);
    clearInterval(shares);
    server.kill('SIGTERM');
    await exit;
    await collector.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const deadline = Date.now() + 60_000;
  while (!exited && Date.now() < deadline) {
    const address = readAddress(dataDir);
    // The record of a server that was told its port is there before it listens.
    if (address && (await accepts(address))) {
      const credential = options.credential ?? readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
      return {
        address,
        credential,
        pid,
        databaseUrl: env.DATABASE_URL ?? embeddedUrl(dataDir) ?? '',
        peak,
        inspectorUrl,
        traces: collector.exports,
        stop,
      };
    }
    await sleep(50);
  }
  await stop();
  throw new Error('the server did not start; what it said is above');
}

/** Writes the call metadata where ghz reads it, so that no secret stands in its arguments. */
export function writeMetadataFile(target: Target): string {
  const path = scratchFile('ghz-metadata.json');
  writeFileSync(path, JSON.stringify({ authorization: `Bearer ${target.credential}` }), { mode: 0o600 });
  return path;
}

/** Where the server of a data directory listens; undefined before it does. */
export function readAddress(dataDir: string): string | undefined {
  try {
    const { address } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { address: string };
    // Until it listens, the record has the port that was asked for: 0.
    return address.endsWith(':0') ? undefined : address;
  } catch {
    return undefined;
  }
}
