import { quantityText } from '../../shared/alerts/quantity.ts';
import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../shared/histogram.ts';
import { isBulk, shortMethodName } from '../../shared/method-name.ts';
import { msFromTimestamp } from '../../shared/time.ts';
import { waitWords } from '../../shared/wait-words.ts';

/** Something a server suffers from, as its last frames show it. */
export interface Symptom {
  readonly said: string;
  readonly advice: string;
  /** Other programs on the machine of the server cause it too. */
  readonly ofMachine?: boolean;
}

/** Once is chance: seen in so many of the frames, of a second each, it is a trouble. */
const SECONDS = 2;
/** A pause now and then is a start, a backup, a neighbour. */
const PAUSED_SECONDS = 3;
const START_MS = 10_000;
/** Commits that wait for a disk are everyday, and a trouble once callers feel it. */
const SLOW_US = 50_000;
/** Writes put off in a second. */
const MUCH_PUT_OFF = 20;
/** From where on the monitor marks it. */
const GC_SHARE = 0.1;
const LATE_US = 100_000;
/** Calls of one client that were turned away. */
const MUCH_REFUSED = 50;

/** The doctor tries what must be refused: that is none of anybody's. */
export const OWN_KEYS = 'doctor-';

/** What frames of a second each, one after another, show. */
export function symptomsOf(frames: readonly StatsFrame[]): Symptom[] {
  return [lockWait, diskWait, sameMemory, poolWait, garbage, late, impatient, unread].flatMap(
    (seen) => seen(frames) ?? [],
  );
}

type Detector = (frames: readonly StatsFrame[]) => Symptom | undefined;

const lockWait: Detector = (frames) => {
  const seen = frames.filter((frame) => waiting(frame, 'lock wait').sessions > 0);
  if (seen.length < SECONDS) return undefined;
  return {
    said: `Sessions of PostgreSQL waited for locks in ${of(seen, frames)}, up to ${most(seen, 'lock wait')} at a time.`,
    advice:
      'See who holds them while it lasts: `SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity`. Memory Hub holds none for longer than a statement.',
  };
};

const diskWait: Detector = (frames) => {
  const seen = frames.filter((frame) => waiting(frame, 'disk wait').sessions > 0 && apiP95(frame) > SLOW_US);
  if (seen.length < SECONDS) return undefined;
  const worst = quantityText(Math.max(...seen.map(apiP95)), 'time');
  return {
    said: `Commits waited for the disk of PostgreSQL's log in ${of(seen, frames)}, while 95 % of the calls took up to ${worst}.`,
    advice: 'Look at the latency of that disk, and at who else writes to it.',
  };
};

const sameMemory: Detector = (frames) => {
  const seen = frames.filter(({ postgres }) => Number(postgres?.putOff ?? 0n) >= MUCH_PUT_OFF);
  if (seen.length < SECONDS) return undefined;
  const times = seen.reduce((sum, { postgres }) => sum + Number(postgres?.putOff ?? 0n), 0);
  return {
    said: `Writes of one and the same memory were put off ${times} times in ${of(seen, frames)}.`,
    advice: 'Let its writers write less often, or to a memory each: a commit takes one write of any memory.',
  };
};

const poolWait: Detector = (frames) => {
  const seen = frames.filter(({ postgres }) => (postgres?.poolWaiting ?? 0) > 0);
  if (seen.length < SECONDS) return undefined;
  const callers = Math.max(...seen.map(({ postgres }) => postgres?.poolWaiting ?? 0));
  return {
    said: `Up to ${callers} calls waited for a database connection, in ${of(seen, frames)}.`,
    advice: 'Raise MEMORYHUB_POOL_SIZE, or find with `memory-hub monitor` (4) which statements keep the connections.',
  };
};

const garbage: Detector = (frames) => {
  const share = (frame: StatsFrame) => Math.max(0, ...frame.processes.map(({ gcShare }) => gcShare));
  const seen = frames.filter((frame) => share(frame) > GC_SHARE);
  if (seen.length < PAUSED_SECONDS) return undefined;
  return {
    said: `A process spent up to ${quantityText(Math.max(...seen.map(share)), 'share')} of its time collecting garbage, in ${of(seen, frames)}.`,
    advice: 'Give it memory (NODE_OPTIONS=--max-old-space-size), or let callers ask for smaller pages.',
  };
};

const late: Detector = (frames) => {
  const delay = (frame: StatsFrame) => Math.max(0, ...frame.processes.map(({ loopDelayP99Us }) => loopDelayP99Us));
  const seen = frames.filter((frame) => delay(frame) > LATE_US && !isStart(frame));
  if (seen.length < PAUSED_SECONDS) return undefined;
  return {
    said: `The event loop was up to ${quantityText(Math.max(...seen.map(delay)), 'time')} late, in ${of(seen, frames)}.`,
    advice: 'See what else runs on its machine; if nothing does, `memory-hub profile cpu` shows what keeps it busy.',
    ofMachine: true,
  };
};

const impatient: Detector = (frames) => {
  const sums = new Map<string, { name: string; calls: number; refused: number }>();
  for (const { keyId, keyName, peer, calls, refused } of frames.flatMap(({ clients }) => clients)) {
    if (keyName.startsWith(OWN_KEYS)) continue;
    const who = `${keyId} ${peer}`;
    const sum = sums.get(who) ?? {
      name: `${keyName === '' ? 'A caller without a valid key' : `The client "${keyName}"`} at ${peer}`,
      calls: 0,
      refused: 0,
    };
    sum.calls += Number(calls);
    sum.refused += Number(refused);
    sums.set(who, sum);
  }
  const [worst] = [...sums.values()]
    .filter(({ calls, refused }) => refused >= MUCH_REFUSED && refused > calls / 2)
    .sort((a, b) => b.refused - a.refused);
  if (worst === undefined) return undefined;
  return {
    said: `${worst.name} asks again and again what is refused: ${worst.refused} of its ${worst.calls} calls.`,
    advice: 'Let it wait as the RetryInfo of each refusal says, or give it a key and a limit it can work with.',
  };
};

const unread: Detector = (frames) => {
  const count = ({ clients }: StatsFrame) => clients.reduce((sum, each) => sum + Number(each.stalledStreams), 0);
  const seen = frames.filter((frame) => count(frame) > 0);
  if (seen.length < SECONDS) return undefined;
  const names = new Set(
    seen.flatMap(({ clients }) => clients.filter((each) => each.stalledStreams > 0n).map((each) => each.keyName)),
  );
  return {
    said: `Up to ${Math.max(...seen.map(count))} streams were not read by those who opened them (${[...names].join(', ')}), in ${of(seen, frames)}.`,
    advice: 'Mend these readers: each such stream is ended after MEMORYHUB_READER_STALL_SECONDS.',
  };
};

/** A program that is just loaded is late, which says nothing of it. */
function isStart({ at, bootTime }: StatsFrame): boolean {
  return at !== undefined && bootTime !== undefined && msFromTimestamp(at) - msFromTimestamp(bootTime) < START_MS;
}

function of(seen: readonly StatsFrame[], frames: readonly StatsFrame[]): string {
  return `${seen.length} of the last ${frames.length} s`;
}

function waiting({ postgres }: StatsFrame, kind: string): { readonly sessions: number } {
  const found = (postgres?.waits ?? []).filter(({ event }) => waitWords(event).what === kind);
  return { sessions: found.reduce((sum, { sessions }) => sum + Number(sessions), 0) };
}

function most(frames: readonly StatsFrame[], kind: string): number {
  return Math.max(...frames.map((frame) => waiting(frame, kind).sessions));
}

/** Of calls that answer somebody who waits; 0 when there were none. */
function apiP95({ methods }: StatsFrame): number {
  const all = new LatencyHistogram();
  for (const { method, latency } of methods) {
    if (latency !== undefined && !isBulk(shortMethodName(method))) all.addWire(latency);
  }
  return all.count === 0 ? 0 : all.percentile(0.95);
}
