import { getHeapSnapshot } from 'node:v8';
import { LIMITS } from '../../../shared/limits.ts';
import { actOf } from '../../domain/audit.ts';
import type { AuditLog } from '../../domain/audit-log.ts';
import { ServiceError } from '../../domain/errors.ts';
import type { Caller } from '../../domain/principal.ts';
import { ProfileKind, type ProfilePart, type Profiling, type WantedProfile } from '../../domain/profiling.ts';
import { checkEnum } from '../../domain/validation/text.ts';
import { Violations } from '../../domain/validation/violations.ts';
import { cpuProfile } from './cpu.ts';
import { pauseEvents } from './events.ts';

const USUAL_SECONDS = 10;
const PART_BYTES = 256 * 1024;

/** Profiles this process, one at a time; each is written down before it begins. */
export class Profiler implements Profiling {
  readonly #worker: number;
  readonly #audit: AuditLog;
  #running = false;

  /** @param worker from 1; 0 for a server without workers */
  constructor(worker: number, audit: AuditLog) {
    this.#worker = worker;
    this.#audit = audit;
  }

  async *capture(
    call: Caller & { readonly signal: AbortSignal },
    wanted: WantedProfile,
  ): AsyncGenerator<ProfilePart, void> {
    const seconds = check(wanted);
    const worker = this.#worker;
    if (wanted.worker !== 0 && wanted.worker !== worker) {
      const message = `this connection is with worker ${worker}; a new one may be with worker ${wanted.worker}`;
      throw new ServiceError('OTHER_WORKER', message, { metadata: { worker: String(worker) } });
    }
    if (this.#running) throw new ServiceError('PROFILE_RUNNING', 'another profile is being taken of this process');
    this.#running = true;
    try {
      const details = { kind: wanted.kind, seconds, worker };
      await this.#audit.record(actOf(call, { action: 'CaptureProfile', workspaceId: 0, target: '', details }));
      for await (const chunk of chunksOf(wanted.kind, seconds, call.signal)) {
        for (let at = 0; at < chunk.byteLength; at += PART_BYTES) {
          yield { data: chunk.subarray(at, at + PART_BYTES), worker };
        }
      }
    } finally {
      this.#running = false;
    }
  }
}

/** @throws ServiceError INVALID_FIELD; returns the seconds */
function check({ kind, seconds, includeContent }: WantedProfile): number {
  const violations = new Violations();
  checkEnum(violations, 'kind', kind, ProfileKind.EVENTS);
  if (kind === 0) violations.add('kind', 'is missing');
  const chosen = seconds === 0 ? USUAL_SECONDS : seconds;
  violations.within('seconds', chosen, LIMITS.profileSeconds);
  if (kind === ProfileKind.HEAP && !includeContent) {
    violations.add('include_content', 'is not set; a heap snapshot holds memory text and keys');
  }
  violations.check();
  return chosen;
}

async function* chunksOf(kind: number, seconds: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  if (kind === ProfileKind.CPU) yield Buffer.from(await cpuProfile(seconds, signal));
  // Written as it is read: a reader that leaves ends the loop, and with it the snapshot.
  else if (kind === ProfileKind.HEAP) for await (const chunk of getHeapSnapshot()) yield Buffer.from(chunk);
  else for await (const lines of pauseEvents(seconds, signal)) yield Buffer.from(lines);
}
