import { once } from 'node:events';
import type { DiagLogger } from '@opentelemetry/api';
import { type DestinationStream, destination, type Level, type Logger, multistream, pino } from 'pino';
import type { AccessLog, WireLog } from '../rpc/call-observer.ts';
import { CallLog } from './call-log.ts';
import { humanLine } from './human-line.ts';
import { openRollingFile } from './log-file.ts';
import { REDACT, redactLine, serializeError } from './redaction.ts';

/**
 * Lines kept while nobody takes them, for instance behind a stopped `less`; beyond it they are
 * dropped. Writing synchronously instead would stop the server together with its reader.
 */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;

export interface LoggingOptions {
  readonly level: Level | 'silent';
  /** Lines for people, not for programs. */
  readonly terminal: boolean;
  /** Whether that terminal shows colours. */
  readonly colour?: boolean;
  /** Also write JSON lines here: a new file a day or at 100 MB, 7 kept. */
  readonly file?: string | undefined;
  /** Instead of standard output. */
  readonly output?: DestinationStream;
}

/** The server's log, and the doors through which other rooms write to it. */
export interface Logging {
  readonly log: Logger;
  readonly wire: WireLog;
  readonly access: AccessLog;
  /** For OpenTelemetry to report its own troubles. */
  readonly diag: DiagLogger;
  /** Writes what is buffered, and ends. */
  close(): Promise<void>;
}

/** @throws LogFileError */
export async function openLogging(options: LoggingOptions): Promise<Logging> {
  const stdout = options.output ? undefined : destination({ fd: 1, sync: false, maxLength: BUFFERED_BYTES_MAX });
  const output: DestinationStream = options.output ?? (stdout as DestinationStream);
  const { terminal, colour = false } = options;
  const shown = terminal ? { write: (line: string) => output.write(humanLine(line, colour)) } : output;
  const file = options.file === undefined ? undefined : await openRollingFile(options.file);
  // Which lines there are is the logger's to say: its streams take them all.
  const streams = [shown, file].filter((stream) => stream !== undefined);
  const log = pino(
    {
      level: options.level,
      base: null,
      redact: REDACT,
      serializers: { err: serializeError },
      hooks: { streamWrite: redactLine },
    },
    multistream(streams.map((stream) => ({ level: 'trace', stream }))),
  );
  const calls = new CallLog(log);
  return {
    log,
    wire: calls,
    access: calls,
    diag: diagLogger(log),
    async close() {
      stdout?.flushSync();
      if (file === undefined) return;
      const closed = once(file, 'close');
      file.end();
      await closed;
    },
  };
}

/** OpenTelemetry gives a text and whatever else it has at hand: only the text is logged. */
function diagLogger(log: Logger): DiagLogger {
  const at = (level: Level) => (text: string) => log[level](`OpenTelemetry: ${diagText(text)}`);
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), verbose: at('trace') };
}

/** Of errors of its exporters it gives all properties, as JSON, a stack among them. */
function diagText(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string' && message !== '') return message;
  } catch {
    // A text, as most are.
  }
  return text.split('\n', 1)[0] ?? '';
}
