import { type ApiKey, Role } from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import { msFromTimestamp } from '../../../shared/time.ts';
import { ROLE_NAMES } from '../../key-text.ts';
import { type DoctorContext, WORKSPACE } from '../context.ts';
import { bad, type Check, type Finding, ok, warn } from '../finding.ts';

const DAY_MS = 86_400_000;
const NAMED = 5;

/** Those that reach everything of a workspace, or of the server. */
const PRIVILEGED: ReadonlySet<Role> = new Set([Role.ADMIN, Role.OPERATOR]);

export const keys: Check = {
  name: 'keys',
  about: 'age and end of every API key that is valid',
  async run(context) {
    const { keyDays } = context.limits;
    const valid = await validKeys(context);
    const old = valid.filter((key) => ageDays(key) > keyDays);
    const [oldPrivileged, oldOthers] = [old.filter(isPrivileged), old.filter((key) => !isPrivileged(key))];
    const endless = valid.filter((key) => isPrivileged(key) && key.expireTime === undefined);
    const rotate = '`memory-hub keys rotate ID --overlap 24h` gives a key a new secret while the old one still works.';
    const findings: Finding[] = [];
    if (oldPrivileged.length > 0) {
      findings.push(bad(`Admin and operator keys older than ${keyDays} days: ${named(oldPrivileged)}.`, rotate));
    }
    if (oldOthers.length > 0) findings.push(warn(`Keys older than ${keyDays} days: ${named(oldOthers)}.`, rotate));
    if (endless.length > 0) {
      const advice = 'Give each an end: `memory-hub keys rotate ID --expires 90d`.';
      findings.push(warn(`Admin and operator keys that never end: ${named(endless)}.`, advice));
    }
    if (findings.length > 0) return findings;
    return [
      ok(`${valid.length} keys are valid; none is older than ${keyDays} days, and those of admins and operators end.`),
    ];
  },
};

async function validKeys({ operator }: DoctorContext): Promise<ApiKey[]> {
  const found: ApiKey[] = [];
  // An operator that names no workspace sees the keys of all.
  for await (const page of operator.admin.listApiKeys({})) found.push(...page.apiKeys);
  const now = Date.now();
  const ours = (key: ApiKey) => key.workspace === WORKSPACE && key.name.startsWith('doctor-');
  return found.filter(
    (key) => !key.revokeTime && !(key.expireTime && msFromTimestamp(key.expireTime) <= now) && !ours(key),
  );
}

function isPrivileged({ role }: ApiKey): boolean {
  return PRIVILEGED.has(role);
}

/** Of its secret. */
function ageDays({ rotateTime, createTime }: ApiKey): number {
  const since = rotateTime ?? createTime;
  return since === undefined ? 0 : (Date.now() - msFromTimestamp(since)) / DAY_MS;
}

function named(keys: readonly ApiKey[]): string {
  const shown = keys.slice(0, NAMED).map((key) => {
    const place = key.workspace === '' ? '' : ` of ${key.workspace}`;
    return `${key.name} (${ROLE_NAMES[key.role]}${place}, ${key.id}, ${Math.floor(ageDays(key))} days)`;
  });
  const more = keys.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
