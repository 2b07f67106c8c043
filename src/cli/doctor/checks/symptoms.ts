import { EventKind, type StatsEvent } from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import type { MemoryHub } from '../../../shared/service-client.ts';
import { msFromTimestamp } from '../../../shared/time.ts';
import { machineCould } from '../busy.ts';
import { bad, type Check, type Finding, ok } from '../finding.ts';
import { lastFrames } from '../last-frames.ts';
import { symptomsOf } from '../symptoms.ts';

/** As far back as a server keeps frames. */
const REPLAY_SECONDS = 120;
const EVENTS_MS = 900_000;

/** Events that are the fault itself, or the trace of it. */
const TOLD: ReadonlyMap<EventKind, string> = new Map([
  [EventKind.REDIS_EMPTIED, 'Ask who flushed it, or see whether it was restarted; reads fill it again.'],
  [EventKind.REVOKED_KEY_USED, 'Give whoever calls from there a new key.'],
  [EventKind.WORKER_RESTARTED, "The log has why it ended; with signal SIGKILL it was the host's memory, or somebody."],
  [EventKind.POSTGRES_LOST, "See PostgreSQL's log, and the network between."],
]);

/** Troubles that pass: what others' calls, before any of the doctor's, have shown. */
export const symptoms: Check = {
  name: 'symptoms',
  about: 'what the last two minutes of the server show of trouble, and its events of a quarter of an hour',
  run: ({ operator, busy }) => symptomFindings(operator, busy),
};

/** @param busy why what takes time cannot be judged */
export async function symptomFindings(operator: MemoryHub, busy: string | undefined): Promise<readonly Finding[]> {
  const frames = await lastFrames(operator, REPLAY_SECONDS);
  const found = symptomsOf(frames).map(({ said, advice, ofMachine }) =>
    ofMachine ? machineCould({ busy }, said, advice) : bad(said, advice),
  );
  const { totals } = await operator.stats.getStats({});
  const now = totals?.at === undefined ? Date.now() : msFromTimestamp(totals.at);
  const findings = [...found, ...eventFindings(totals?.events ?? [], now)];
  if (findings.length > 0) return findings;
  return [ok(`Nothing waits, fails or is refused in a suspicious way: ${frames.length} s were looked at.`)];
}

/** The newest of each kind. */
function eventFindings(events: readonly StatsEvent[], now: number): Finding[] {
  const recent = events.filter(({ at }) => at !== undefined && now - msFromTimestamp(at) < EVENTS_MS);
  return [...TOLD].flatMap(([kind, advice]) => {
    const found = recent.filter((event) => event.kind === kind);
    const last = found.at(-1);
    if (last?.at === undefined) return [];
    const when = new Date(msFromTimestamp(last.at)).toISOString();
    const times = found.length === 1 ? '' : `, the last of ${found.length} in a quarter of an hour`;
    return [bad(`${sentence(last.text)} (${when}${times}).`, advice)];
  });
}

function sentence(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
}
