import type { CheckName } from '../src/cli/doctor/names.ts';

/** What went wrong, and where the monitor says so. */
export interface Fault {
  /** Keys from the overview on, as the monitor writes them. */
  readonly keys: readonly string[];
  /** Where one looks then. */
  readonly where: string;
  /** What one reads there, in one row, as it is drawn. `#` stands for a number, `...` for anything. */
  readonly reads: string;
  /** What it means, or what to do. */
  readonly means: string;
  /** The line of `memory-hub doctor` that is red then, and how it says so. */
  readonly doctor: readonly [check: CheckName, says: string];
}

/**
 * The table "What went wrong" of docs/operating.md. A test plants each of these faults in real servers,
 * records the monitor's stream, replays it, presses these keys, and finds this text on the screen; then
 * it has the doctor look, whose line is red.
 */
export const FAULTS = {
  'slow disk': {
    keys: ['4'],
    where: 'Statements, in its title',
    reads: '! disk wait x# (...)',
    means: "commits wait for the disk of PostgreSQL's log: look at its latency, and at who else writes to it",
    doctor: ['symptoms', "Commits waited for the disk of PostgreSQL's log in #"],
  },
  'lock wait': {
    keys: ['4'],
    where: 'Statements, in its title',
    reads: '! lock wait x# (...)',
    means:
      'another session holds what writes need: `pg_blocking_pids` names it; nothing of Memory Hub holds a lock for longer than a statement',
    doctor: ['symptoms', 'Sessions of PostgreSQL waited for locks in #'],
  },
  'hot key': {
    keys: ['4'],
    where: 'Statements, in its title',
    reads: '! same memory: # put off',
    means: 'many write one memory at once: a commit takes one write of any memory, so they go one after the other',
    doctor: ['symptoms', 'Writes of one and the same memory were put off # times'],
  },
  'missing index': {
    keys: ['4'],
    where: 'Tables and indexes, SCANS/MIN',
    reads: 'memories ... ! # all',
    means: 'a large table is read as a whole: compare the indexes below it with those of the migrations',
    doctor: ['index-use', '# of # indexes are missing or invalid: ...memories_category'],
  },
  'pool exhausted': {
    keys: [],
    where: 'Postgres',
    reads: 'wait ! #',
    means: 'calls wait for a connection: raise `MEMORYHUB_POOL_SIZE`, or find on 4 what keeps the connections',
    doctor: ['symptoms', 'Up to # calls waited for a database connection'],
  },
  'Redis down': {
    keys: [],
    where: 'Redis and cache',
    reads: 'Redis and cache ... ! DOWN',
    means: 'reads are answered from PostgreSQL meanwhile; on 6 stands since when and why',
    doctor: ['redis', 'Redis does not answer the server'],
  },
  'Redis flush': {
    keys: ['6'],
    where: 'Events',
    reads: 'redis emptied ... Redis was emptied',
    means: 'FLUSHALL, or a Redis that came back empty: reads fill it again',
    doctor: ['symptoms', 'Redis was emptied'],
  },
  'gc pressure': {
    keys: [],
    where: 'Node',
    reads: 'gc ! #%',
    means:
      'the process collects garbage instead of working: give it memory (`--max-old-space-size`), or ask for smaller pages',
    doctor: ['symptoms', 'A process spent up to #% of its time collecting garbage'],
  },
  'one bad replica': {
    keys: [],
    where: 'Node',
    reads: 'loop p99 ! # ... at ...',
    means: 'of the servers that are watched this one answers late: `t` shows it alone',
    doctor: ['symptoms', 'The event loop was up to # late'],
  },
  'retry storm': {
    keys: ['5'],
    where: 'Clients, REFUSED',
    reads: 'impatient ... !#% ... ! #',
    means: 'this key asks again at once whatever it is refused; Node on 1 says what for (`shed`)',
    doctor: ['symptoms', 'The client "impatient" at 127.0.0.1 asks again and again what is refused: # of its # calls'],
  },
  'revoked key': {
    keys: ['6'],
    where: 'Events',
    reads: 'revoked key used ... the revoked key "forgotten" is used from 127.0.0.1',
    means: 'whoever calls from there needs a new key',
    doctor: ['symptoms', 'The revoked key "forgotten" is used from 127.0.0.1'],
  },
  'slow reader': {
    keys: ['5'],
    where: 'Clients, UNREAD',
    reads: 'sleepy ... ! #',
    means: 'this key opens streams and does not read them; each is ended after `MEMORYHUB_READER_STALL_SECONDS`',
    doctor: ['symptoms', 'Up to # streams were not read by those who opened them (...sleepy...)'],
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** The text to be found on the screen. */
export function drawnPattern(reads: string): RegExp {
  const literal = reads.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(
    literal
      .replace(/ ?\\\.\\\.\\\. ?/g, '.*?')
      .replace(/#/g, '[\\d.,]+[a-zµ]*')
      .replace(/ /g, ' +'),
  );
}
