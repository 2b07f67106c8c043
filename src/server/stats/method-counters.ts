import type { CodeCount, MethodStats, Stage, StageStats } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../shared/histogram.ts';
import type { CallRecord, MethodRecorder } from '../rpc/call-observer.ts';
import type { ClientTable } from './client-table.ts';
import { SlowestCalls } from './slowest-calls.ts';
import { wholeBigint } from './whole.ts';

const CODES = 17;
const UNKNOWN = 2;
const STAGES = 6;

/**
 * Counts the calls of one method since the last drain. There is one set of counters, not one for
 * each reader: a call pays for one, and whoever wants sums adds up what is drained.
 */
export class MethodCounters implements MethodRecorder {
  readonly method: string;
  readonly #clients: ClientTable;
  readonly #codes = new Float64Array(CODES);
  readonly #latency = new LatencyHistogram();
  /** By stage; made when the method first passes it, since most pass few. */
  readonly #stages: (LatencyHistogram | undefined)[] = new Array(STAGES + 1).fill(undefined);
  readonly #slowest = new SlowestCalls();
  #everCalled = false;
  #inFlight = 0;
  #started = 0;
  #completed = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #messagesSent = 0;

  /** @param method "memoryhub.v1.MemoryService/GetMemory" */
  constructor(method: string, clients: ClientTable) {
    this.method = method;
    this.#clients = clients;
  }

  begin(): void {
    this.#everCalled = true;
    this.#started++;
    this.#inFlight++;
  }

  end(record: CallRecord): void {
    this.#inFlight--;
    this.#completed++;
    this.#bytesReceived += record.bytesReceived;
    this.#bytesSent += record.bytesSent;
    this.#messagesSent += record.messagesSent;
    const code = record.code >= 0 && record.code < CODES ? record.code : UNKNOWN;
    (this.#codes[code] as number)++;
    this.#latency.record(record.elapsedUs);
    for (let stage = 1; stage <= STAGES; stage++) {
      const us = record.stagesUs[stage] as number;
      if (us > 0) this.#stageHistogram(stage).record(us);
    }
    this.#slowest.offer(record);
    this.#clients.ended(record);
  }

  streamOpened(keyId: string, keyName: string, peer: string): void {
    this.#clients.streamOpened(keyId, keyName, peer);
  }

  streamStalled(keyId: string, peer: string, change: 1 | -1): void {
    this.#clients.streamStalled(keyId, peer, change);
  }

  streamClosed(keyId: string, keyName: string, peer: string): void {
    this.#clients.streamClosed(keyId, keyName, peer);
  }

  /** What happened since the last drain; undefined for a method that was never called. */
  drain(): MethodStats | undefined {
    if (!this.#everCalled) return undefined;
    const stats: MethodStats = {
      method: this.method,
      started: wholeBigint(this.#started),
      completed: wholeBigint(this.#completed),
      inFlight: wholeBigint(this.#inFlight),
      bytesReceived: wholeBigint(this.#bytesReceived),
      bytesSent: wholeBigint(this.#bytesSent),
      messagesSent: wholeBigint(this.#messagesSent),
      codes: this.#drainCodes(),
      latency: drainHistogram(this.#latency),
      stages: this.#drainStages(),
      slowest: this.#slowest.drain(),
    };
    this.#started = 0;
    this.#completed = 0;
    this.#bytesReceived = 0;
    this.#bytesSent = 0;
    this.#messagesSent = 0;
    return stats;
  }

  #stageHistogram(stage: number): LatencyHistogram {
    let histogram = this.#stages[stage];
    if (histogram === undefined) {
      histogram = new LatencyHistogram();
      this.#stages[stage] = histogram;
    }
    return histogram;
  }

  #drainCodes(): CodeCount[] {
    const counts: CodeCount[] = [];
    if (this.#completed === 0) return counts;
    for (let code = 0; code < CODES; code++) {
      const count = this.#codes[code] as number;
      if (count > 0) counts.push({ code, count: BigInt(count) });
    }
    this.#codes.fill(0);
    return counts;
  }

  #drainStages(): StageStats[] {
    const stages: StageStats[] = [];
    for (let stage = 1; stage <= STAGES; stage++) {
      const latency = drainHistogram(this.#stages[stage]);
      if (latency !== undefined) stages.push({ stage: stage as Stage, latency });
    }
    return stages;
  }
}

/** The histogram on the wire, and empty afterwards; undefined when there was nothing in it. */
export function drainHistogram(histogram: LatencyHistogram | undefined): MethodStats['latency'] {
  if (histogram === undefined || histogram.count === 0) return undefined;
  const wire = histogram.toWire();
  histogram.reset();
  return wire;
}
