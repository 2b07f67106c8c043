import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { type Logging, type LoggingOptions, openLogging } from '../../src/server/telemetry/logger.ts';
import { callRecord } from '../stats/call-record.ts';

const PATH = '/memoryhub.v1.MemoryService/SaveMemory';
const PLANTED = 'planted-content-and-secret';
const KEY = `mh_0123456789abcdef_${PLANTED}`;

let lines: string[];
let directory: string;

beforeEach(async () => {
  lines = [];
  directory = await mkdtemp(join(tmpdir(), 'memory-hub-log-'));
});

afterEach(() => rm(directory, { recursive: true }));

function open(options: Partial<LoggingOptions> = {}): Promise<Logging> {
  const output = { write: (line: string) => void lines.push(line) };
  return openLogging({ level: 'info', terminal: false, output, ...options });
}

function logged(): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line));
}

/** As node-postgres throws it, with everything it has. */
function databaseError(): Error {
  const error = new Error(`invalid input syntax for type json: "${PLANTED}"`);
  const fields = {
    name: 'error',
    severity: 'ERROR',
    code: '22P02',
    detail: PLANTED,
    where: PLANTED,
    table: 'memories',
  };
  return Object.assign(error, fields, { routine: 'json_errsave_error', query: PLANTED });
}

/** As MikroORM throws it: the statement with its values is in the text. */
class UniqueConstraintViolationException extends Error {
  override readonly name = 'UniqueConstraintViolationException';
}

function parseError(): unknown {
  try {
    return JSON.parse(`{"content": ${PLANTED}`);
  } catch (error) {
    return error;
  }
}

describe('log', () => {
  it('has a line for a call with ids, code, reason, time and bytes', async () => {
    const { access } = await open();
    const record = callRecord({ code: 5, elapsedUs: 1234.5678, traceId: 'a'.repeat(32) });
    access.call(PATH, 'request-1', record, 'MEMORY_NOT_FOUND');
    expect(logged()).toEqual([
      {
        level: 30,
        time: expect.any(Number),
        msg: 'call',
        request_id: 'request-1',
        trace_id: 'a'.repeat(32),
        method: 'memoryhub.v1.MemoryService/SaveMemory',
        code: 'NOT_FOUND',
        reason: 'MEMORY_NOT_FOUND',
        elapsed_ms: 1.235,
        bytes_received: 10,
        bytes_sent: 100,
        messages_sent: 1,
        key_id: 'key-1',
        peer: '10.0.0.1',
      },
    ]);
  });

  it('keeps planted content and secrets out, whichever way they come', async () => {
    const { log, wire } = await open({ level: 'trace' });
    const orm = new UniqueConstraintViolationException(`insert into memories values ('${PLANTED}')`, {
      cause: databaseError(),
    });
    for (const error of [
      databaseError(),
      orm,
      parseError(),
      new ServiceError('INTERNAL', 'it failed', { cause: orm }),
      Object.assign(new Error('command failed'), { command: { name: 'set', args: [PLANTED] } }),
      new AggregateError([databaseError()], PLANTED),
      PLANTED,
      { content: PLANTED },
    ]) {
      wire.unexpectedError(PATH, 'request-1', undefined, error);
    }
    log.info({ authorization: `Bearer ${KEY}`, request: { content: PLANTED, metadata: { a: PLANTED } } }, 'a slip');
    log.info(`connecting with ${KEY} to postgresql://hub:${PLANTED}@db:5432/hub and redis://:${PLANTED}@cache`);
    expect(lines).toHaveLength(10);
    expect(lines.join('')).not.toContain(PLANTED);
    expect(lines.join('')).toContain('mh_0123456789abcdef_[redacted]');
    expect(lines.join('')).toContain('postgresql://hub:[redacted]@db:5432/hub');
  });

  it('still tells what failed and where', async () => {
    const { wire } = await open();
    wire.unexpectedError(PATH, 'request-1', 'b'.repeat(32), databaseError());
    wire.unexpectedError(
      PATH,
      'request-2',
      undefined,
      new TypeError('x is not a function', { cause: databaseError() }),
    );
    expect(logged()).toMatchObject([
      {
        level: 50,
        request_id: 'request-1',
        trace_id: 'b'.repeat(32),
        err: { type: 'Error', code: '22P02', table: 'memories', routine: 'json_errsave_error' },
      },
      { err: { type: 'TypeError', message: 'x is not a function', cause: { code: '22P02' } } },
    ]);
    expect(logged().map(({ err }) => (err as { stack: string }).stack)).toEqual([
      expect.stringMatching(/^ {4}at databaseError .*logging\.test\.ts/),
      expect.stringMatching(/^ {4}at /),
    ]);
  });

  it('logs what its level lets through', async () => {
    const { log, access } = await open({ level: 'warn' });
    access.call(PATH, 'r', callRecord(), undefined);
    log.info('no');
    log.warn('yes');
    expect(logged()).toMatchObject([{ msg: 'yes' }]);
    lines = [];
    (await open({ level: 'silent' })).log.fatal('no');
    expect(lines).toEqual([]);
  });

  it('is for people on a terminal', async () => {
    const { log, wire } = await open({ terminal: true });
    log.info({ address: '127.0.0.1:50051' }, 'serving');
    log.warn('Redis does not answer');
    wire.unexpectedError(PATH, 'request-1', undefined, new TypeError('x is not a function'));
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d {2}serving {2}address=127\.0\.0\.1:50051\n$/);
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d {2}warn {2}Redis does not answer\n$/);
    expect(lines[2]).toMatch(
      /error {2}a call failed inside .*request_id=request-1.*\n {4}TypeError x is not a function\n {4}at /,
    );
  });

  it('gives a terminal nothing to obey, and colours only when asked', async () => {
    const plain = await open({ terminal: true });
    plain.access.call(PATH, '\u001b]0;owned\u0007\u202e\r\n', callRecord({ peer: '\u009b2J' }), undefined);
    plain.log.error('bad');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
    expect(lines.join('')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    lines = [];
    (await open({ terminal: true, colour: true })).log.error('bad');
    expect(lines[0]).toContain('\u001b[31merror\u001b[0m');
  });

  it('also writes JSON lines to a file', async () => {
    const logging = await open({ terminal: true, file: join(directory, 'logs', 'server.log') });
    for (let n = 0; n < 100; n++) logging.log.info({ n, content: PLANTED }, 'line');
    await logging.close();
    const [name] = await readdir(join(directory, 'logs'));
    const text = await readFile(join(directory, 'logs', name as string), 'utf8');
    const written = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(written.map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(text).not.toContain(PLANTED);
    expect(lines).toHaveLength(100);
  });
});

it('of what OpenTelemetry reports the text alone is logged, also where it gives an error with its stack as JSON', async () => {
  const { diag } = await open();
  const error = {
    stack: 'Error: refused\n    at planted',
    message: 'connect ECONNREFUSED 127.0.0.1:4318',
    errno: '-111',
  };
  diag.error(JSON.stringify(error));
  diag.warn('a text\nand more of it');
  expect(logged()).toMatchObject([
    { level: 50, msg: 'OpenTelemetry: connect ECONNREFUSED 127.0.0.1:4318' },
    { level: 40, msg: 'OpenTelemetry: a text' },
  ]);
});
