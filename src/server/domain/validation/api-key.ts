import { LIMITS } from '../../../shared/limits.ts';
import type { Access } from '../access.ts';
import { ServiceError } from '../errors.ts';
import type { Micros } from '../memory.ts';
import { type Principal, Role } from '../principal.ts';
import type { Seconds } from '../requests.ts';
import { type Expiry, readExpiry } from './expiry.ts';
import { checkIdentifier, checkLine } from './text.ts';
import { Violations } from './violations.ts';

/** 16 characters of Crockford's base 32. */
const KEY_ID = /^[0-9a-hjkmnp-tv-z]{16}$/;

/** When a key or a new secret ends, as it is asked for. */
export interface WantedExpiry {
  readonly expireTime: Seconds | undefined;
  readonly ttl: Seconds | undefined;
}

/** A key as it is asked for, not checked yet. */
export interface WantedKey extends WantedExpiry {
  readonly name: string;
  readonly role: number;
  /** Empty: the caller's own. */
  readonly workspace: string;
  readonly access: Access;
  readonly description: string;
}

/** New secrets as they are asked for. */
export interface WantedRotation extends WantedExpiry {
  readonly ids: readonly string[];
  readonly overlap: Seconds | undefined;
}

const DEFAULT_OVERLAP: Seconds = { seconds: 86_400n, nanos: 0 };

export function isKeyId(id: string): boolean {
  return KEY_ID.test(id);
}

/** Whether keys of this role have no workspace. */
export function isServerWide(role: number): boolean {
  return role === Role.MONITOR || role === Role.OPERATOR;
}

/** @throws ServiceError ROLE_DENIED first, since permission comes before the fields, then INVALID_FIELD */
export function checkWantedKey(caller: Principal, wanted: WantedKey, now: Micros): { role: Role } & Expiry {
  if (isServerWide(wanted.role) && caller.role !== Role.OPERATOR) {
    throw roleDenied('only an operator key makes monitor and operator keys');
  }
  const violations = new Violations();
  checkLine(violations, 'api_key.name', wanted.name, LIMITS.keyNameBytes);
  checkLine(violations, 'api_key.description', wanted.description, LIMITS.descriptionBytes);
  const role = Object.values(Role).find((one) => one === wanted.role);
  if (role === undefined) violations.add('api_key.role', `is ${wanted.role}; a key needs one of the roles 1 to 5`);
  else checkBinding(violations, caller, wanted, role);
  violations.at('api_key');
  const expiry = readExpiry(violations, wanted, now);
  violations.check();
  return { role: wanted.role as Role, ...expiry };
}

/** @throws ServiceError INVALID_FIELD */
export function checkRotation(wanted: WantedRotation, now: Micros): { overlapMicros: Micros } & Expiry {
  const violations = new Violations();
  const { ids, overlap = DEFAULT_OVERLAP } = wanted;
  if (violations.within('ids', ids.length, LIMITS.rotatedKeys)) {
    ids.forEach((id, index) => {
      if (ids.indexOf(id) !== index) violations.add(`ids[${index}]`, 'is named twice');
    });
  }
  const overlapSeconds = Number(overlap.seconds) + overlap.nanos / 1e9;
  violations.within('overlap', overlapSeconds, LIMITS.keyOverlapSeconds);
  const expiry = readExpiry(violations, wanted, now);
  violations.check();
  return { overlapMicros: Math.round(overlapSeconds * 1e6), ...expiry };
}

function checkBinding(violations: Violations, caller: Principal, wanted: WantedKey, role: Role): void {
  const { userId, teams } = wanted.access;
  checkIdentifier(violations, 'api_key.user_id', userId);
  if (violations.within('api_key.teams', teams.length, LIMITS.keyTeams)) {
    teams.forEach((team, index) => {
      const field = `api_key.teams[${index}]`;
      if (team === '') violations.add(field, 'is empty');
      checkIdentifier(violations, field, team);
      if (teams.indexOf(team) !== index) violations.add(field, 'is named twice');
    });
  }
  const bound = userId !== '' || teams.length > 0;
  if (isServerWide(role)) {
    if (wanted.workspace !== '') violations.add('api_key.workspace', 'is set; monitor and operator keys have none');
    if (bound) violations.add('api_key.user_id', 'monitor and operator keys are bound to no user and no team');
    return;
  }
  if (wanted.workspace === '' && caller.role === Role.OPERATOR) {
    violations.add('api_key.workspace', 'is empty; a reader, writer or admin key needs a workspace');
  }
  // It could make itself an unbound key.
  if (role === Role.ADMIN && bound) {
    violations.add('api_key.user_id', 'an admin key is bound to no user and no team');
  }
}

export function roleDenied(message: string): ServiceError {
  return new ServiceError('ROLE_DENIED', message, { metadata: { role: 'admin', needed: 'operator' } });
}
