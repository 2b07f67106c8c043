import { parseArgs } from 'node:util';
import { type Condition, ConditionError, parseCondition } from '../shared/alerts/condition.ts';
import { TLS_CLIENT_OPTIONS, type TlsChoices } from '../shared/client-tls.ts';
import { LIMITS } from '../shared/limits.ts';
import { HISTORY_MS } from './state/history.ts';

/** What the command line of the monitor asks for. */
export interface MonitorArgs {
  readonly address: string | undefined;
  readonly keyFile: string | undefined;
  readonly tls: TlsChoices;
  readonly memoryKeyFile: string | undefined;
  readonly intervalMs: number;
  readonly windowMs: number;
  /** File of alert rules. */
  readonly alerts: string | undefined;
  /** File of what became of the alerts. */
  readonly log: string | undefined;
  /** What must hold, or the exit code is 1. */
  readonly asserts: readonly Condition[];
  /** For how long; undefined: as usual. */
  readonly forMs: number | undefined;
  /** Whether --window was given: asserts judge whole windows. */
  readonly windowGiven: boolean;
  readonly once: boolean;
  readonly json: boolean;
  readonly ascii: boolean;
  readonly highContrast: boolean;
  readonly screenReader: boolean;
  readonly record: string | undefined;
  readonly replay: string | undefined;
  readonly speed: number;
  readonly snapshot: string | undefined;
  readonly size: { readonly columns: number; readonly rows: number } | undefined;
  readonly help: boolean;
}

/** A command line that is wrong; the message says what is and what is allowed. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

const tlsOption = (name: keyof typeof TLS_CLIENT_OPTIONS) => {
  const { value, description, env } = TLS_CLIENT_OPTIONS[name];
  return { type: 'string', value, help: `${description} (${env})` } as const;
};

/** Flags of the monitor; completion of the command line knows them from here. */
export const MONITOR_OPTIONS = {
  address: {
    type: 'string',
    value: 'HOST:PORT',
    help: 'where the server is, with https:// in front for TLS (MEMORYHUB_ADDRESS); several with commas, or one name with several addresses',
  },
  'key-file': {
    type: 'string',
    value: 'FILE',
    help: 'file with a key of role monitor or operator (MEMORYHUB_API_KEY)',
  },
  'tls-ca': tlsOption('ca'),
  'tls-cert': tlsOption('certificate'),
  'tls-key': tlsOption('key'),
  'tls-server-name': tlsOption('serverName'),
  'memory-key-file': {
    type: 'string',
    value: 'FILE',
    help: 'file with a key that may read memories, for that screen (admin.key)',
  },
  interval: { type: 'string', value: 'TIME', help: 'time between frames: 100ms to 60s, default 1s' },
  window: { type: 'string', value: 'TIME', help: 'time the numbers cover: 1s to 15m, default 60s' },
  alerts: { type: 'string', value: 'FILE', help: 'rules of alerts (YAML) beside or instead of the built-in ones' },
  log: { type: 'string', value: 'FILE', help: 'add a JSON line to the file when an alert is raised or is over' },
  assert: {
    type: 'string',
    multiple: true,
    value: 'CONDITION',
    help: "what must hold, such as 'GetMemory.p99<50ms'; may be repeated; exit code 1 when it does not",
  },
  for: {
    type: 'string',
    value: 'TIME',
    help: 'how long asserts watch, 1s to 24h; default 30s, or the whole recording',
  },
  once: { type: 'boolean', value: '', help: 'print the window once and end' },
  json: { type: 'boolean', value: '', help: 'print one JSON object a frame' },
  ascii: { type: 'boolean', value: '', help: 'draw with ASCII characters only' },
  'high-contrast': { type: 'boolean', value: '', help: 'white and yellow instead of blue and orange' },
  'screen-reader': { type: 'boolean', value: '', help: 'sentences instead of panels; a frame every 10s' },
  record: { type: 'string', value: 'FILE', help: 'write the frames to a file while watching' },
  replay: { type: 'string', value: 'FILE', help: 'play such a file instead of watching a server' },
  speed: { type: 'string', value: 'FACTOR', help: 'of a replay, default 1; 0: everything at once' },
  snapshot: { type: 'string', value: 'FILE', help: 'write the first full frame as .svg, .txt or .json and end' },
  size: { type: 'string', value: 'COLSxROWS', help: 'size of the snapshot, default 120x36' },
  help: { type: 'boolean', value: '', help: 'this text', short: 'h' },
} as const;

/** @throws ArgumentError */
export function parseMonitorArgs(argv: readonly string[]): MonitorArgs {
  const { values } = parse(argv);
  return {
    address: values.address,
    keyFile: values['key-file'],
    tls: {
      ca: values['tls-ca'],
      certificate: values['tls-cert'],
      key: values['tls-key'],
      serverName: values['tls-server-name'],
    },
    memoryKeyFile: values['memory-key-file'],
    intervalMs: period(
      'interval',
      values.interval,
      values['screen-reader'] ? SPOKEN_INTERVAL_MS : 1000,
      LIMITS.watchIntervalMs.min,
      LIMITS.watchIntervalMs.max,
    ),
    windowMs: period('window', values.window, 60_000, 1000, HISTORY_MS),
    alerts: values.alerts,
    log: values.log,
    asserts: (values.assert ?? []).map(condition),
    forMs: assertTime(values.for, values.assert),
    windowGiven: values.window !== undefined,
    once: values.once ?? false,
    json: values.json ?? false,
    ascii: values.ascii ?? false,
    highContrast: values['high-contrast'] ?? false,
    screenReader: values['screen-reader'] ?? false,
    record: values.record,
    replay: values.replay,
    speed: factor(values.speed),
    snapshot: snapshotFile(values.snapshot),
    size: size(values.size),
    help: values.help ?? false,
  };
}

/** What is heard must not change while it is. Milliseconds. */
const SPOKEN_INTERVAL_MS = 10_000;
const OPTION_WIDTH = 24;

/** What `--help` prints. */
export function usage(): string {
  const rows = Object.entries(MONITOR_OPTIONS).map(
    ([name, { value, help }]) => `  ${`--${name} ${value}`.padEnd(OPTION_WIDTH)}  ${help}`,
  );
  return `memory-hub monitor [options]\n\nShows live what a Memory Hub server does.\n\n${rows.join('\n')}\n
Piped, it prints a line a frame. Keys: press ? in the monitor.
Exit codes: 0 done, 1 no server, no right to watch it, or an assert that does not hold, 2 wrong command line.
Conditions and rules: docs/alerts.md.`;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: MONITOR_OPTIONS, strict: true, allowPositionals: false });
  } catch (error) {
    throw new ArgumentError(`${(error as Error).message}. \`memory-hub monitor --help\` lists the options.`);
  }
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

function period(name: string, text: string | undefined, standard: number, min: number, max: number): number {
  if (text === undefined) return standard;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
  if (ms >= min && ms <= max) return ms;
  throw new ArgumentError(`--${name} ${text}: give a time from ${min}ms to ${max / 1000}s, such as 500ms, 10s or 5m`);
}

function condition(text: string): Condition {
  try {
    return parseCondition(text);
  } catch (error) {
    if (error instanceof ConditionError) throw new ArgumentError(`--assert ${error.message}`);
    throw error;
  }
}

function assertTime(text: string | undefined, asserts: readonly string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (asserts === undefined) throw new ArgumentError('--for is for asserts: give --assert CONDITION too');
  return period('for', text, 0, 1000, 86_400_000);
}

function factor(text: string | undefined): number {
  const value = Number(text ?? 1);
  if (value >= 0 && value <= 1000) return value;
  throw new ArgumentError(`--speed ${text}: give a factor from 0 (at once) to 1000`);
}

function snapshotFile(path: string | undefined): string | undefined {
  if (path === undefined || /\.(svg|txt|json)$/.test(path)) return path;
  throw new ArgumentError(`--snapshot ${path}: the name must end in .svg, .txt or .json`);
}

function size(text: string | undefined): MonitorArgs['size'] {
  if (text === undefined) return undefined;
  const match = /^(\d{2,3})x(\d{2,3})$/.exec(text);
  const columns = Number(match?.[1]);
  const rows = Number(match?.[2]);
  if (columns >= 60 && columns <= 500 && rows >= 15 && rows <= 200) return { columns, rows };
  throw new ArgumentError(`--size ${text}: give columns and rows, from 60x15 to 500x200, such as 120x36`);
}
