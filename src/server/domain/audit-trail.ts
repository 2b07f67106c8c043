import { LIMITS } from '../../shared/limits.ts';
import type { AdminService } from './admin-service.ts';
import { type AuditEvent, AuditKind, type AuditQuery, type AuditRepository } from './audit.ts';
import type { Micros } from './memory.ts';
import { type Principal, Role } from './principal.ts';
import type { Seconds } from './requests.ts';
import type { TokenSealer } from './token.ts';
import { checkEnum, checkLine } from './validation/text.ts';
import { Violations } from './validation/violations.ts';

const PAGE_ROWS = 256;
/** Names of RPCs and actors are looked for as they are; longer ones there are not. */
const NAME = { min: 0, max: 256, unit: 'bytes', of: 'a name' } as unknown as (typeof LIMITS)['noteBytes'];

/** Events as they are asked for, not checked yet. */
export interface WantedEvents {
  readonly workspace: string;
  readonly startTime: Seconds | undefined;
  readonly endTime: Seconds | undefined;
  readonly action: string;
  readonly actor: string;
  readonly kind: number;
  readonly limit: number;
  readonly pageToken: string;
}

export interface AuditPage {
  readonly events: readonly AuditEvent[];
  /** Set on the last page when the limit ended the list. */
  readonly nextPageToken: string;
}

/** Reads the audit trail: an operator all of it, an admin that of its workspace. */
export class AuditTrail {
  readonly #repository: AuditRepository;
  readonly #workspaces: Pick<AdminService, 'managedWorkspace'>;
  readonly #tokens: TokenSealer;

  constructor(repository: AuditRepository, workspaces: Pick<AdminService, 'managedWorkspace'>, tokens: TokenSealer) {
    this.#repository = repository;
    this.#workspaces = workspaces;
    this.#tokens = tokens;
  }

  /** Newest first. @throws ServiceError INVALID_FIELD, INVALID_TOKEN, WORKSPACE_NOT_FOUND */
  async *list(caller: Principal, wanted: WantedEvents): AsyncGenerator<AuditPage, void> {
    const query = await this.#query(caller, wanted);
    const context = contextOf(caller, wanted);
    let before = wanted.pageToken === '' ? undefined : this.#open(wanted.pageToken, context);
    let remaining = wanted.limit === 0 ? Number.POSITIVE_INFINITY : wanted.limit;
    for (;;) {
      // One more than the page, to know whether there is a next one.
      const pageSize = Math.min(PAGE_ROWS, remaining);
      const events = await this.#repository.listAudit({ ...query, before, pageSize: pageSize + 1 });
      const page = events.slice(0, pageSize);
      const last = page.at(-1);
      remaining -= page.length;
      const more = events.length > pageSize && last !== undefined;
      const ended = more && remaining <= 0;
      yield { events: page, nextPageToken: ended ? this.#tokens.seal(Buffer.from(String(last.id)), context) : '' };
      if (!more || ended) return;
      before = last.id;
    }
  }

  async #query(caller: Principal, wanted: WantedEvents): Promise<Omit<AuditQuery, 'before' | 'pageSize'>> {
    const violations = new Violations();
    violations.within('limit', wanted.limit, LIMITS.listLimit);
    checkEnum(violations, 'kind', wanted.kind, AuditKind.REFUSAL);
    checkLine(violations, 'action', wanted.action, NAME);
    checkLine(violations, 'actor', wanted.actor, NAME);
    const start = readTime(violations, 'start_time', wanted.startTime);
    const end = readTime(violations, 'end_time', wanted.endTime);
    violations.check();
    const everything = wanted.workspace === '' && caller.role === Role.OPERATOR;
    const workspaceId = everything ? undefined : await this.#workspaces.managedWorkspace(caller, wanted.workspace);
    const kind = Object.values(AuditKind).find((each) => each === wanted.kind);
    return { workspaceId, start, end, action: wanted.action, actor: wanted.actor, kind };
  }

  #open(token: string, context: string): number {
    return Number(Buffer.from(this.#tokens.open(token, context, 'page_token')).toString());
  }
}

/** Any time that a timestamp of the contract can be; the database holds all of them. */
function readTime(violations: Violations, field: string, time: Seconds | undefined): Micros | undefined {
  if (time === undefined) return undefined;
  const micros = Number(time.seconds) * 1_000_000 + Math.trunc(time.nanos / 1000);
  const inRange = micros >= -62_135_596_800e6 && micros < 253_402_300_800e6;
  if (!inRange) violations.add(field, 'is not a time from the years 1 to 9999');
  return inRange ? micros : undefined;
}

function contextOf(caller: Principal, { workspace, startTime, endTime, action, actor, kind }: WantedEvents): string {
  const text = (time: Seconds | undefined) => (time === undefined ? '' : `${time.seconds}.${time.nanos}`);
  return JSON.stringify([
    'ListAuditEvents',
    caller.workspaceId,
    workspace,
    text(startTime),
    text(endTime),
    action,
    actor,
    kind,
  ]);
}
