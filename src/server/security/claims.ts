import type { JWTPayload } from 'jose';
import { LIMITS } from '../../shared/limits.ts';
import { type Access, UNBOUND } from '../domain/access.ts';
import { Role } from '../domain/principal.ts';
import { checkIdentifier, checkLine } from '../domain/validation/text.ts';
import { Violations } from '../domain/validation/violations.ts';

/** Which claims of a token say what. A name is that of a claim, or a path to one within: "realm_access.roles". */
export interface ClaimSettings {
  readonly workspaceClaim: string;
  /** Workspace by value of the claim; undefined: the value is its name. */
  readonly workspaces: ReadonlyMap<string, string> | undefined;
  readonly roleClaim: string;
  /** Role by value of the claim. The first of them that a token has counts. */
  readonly roles: ReadonlyMap<string, Role>;
  /** undefined: readers and writers are bound to no user. */
  readonly userClaim: string | undefined;
  /** undefined: nor to teams. */
  readonly teamsClaim: string | undefined;
}

/** What a token says of its bearer. */
export interface Identity {
  readonly subject: string;
  readonly role: Role;
  /** Empty for monitors and operators. */
  readonly workspace: string;
  readonly access: Access;
}

/** A token that says too little, or nothing usable. `why` names what is wrong. */
export class UnusableClaim extends Error {
  override readonly name = 'UnusableClaim';
  readonly why: string;

  constructor(why: string) {
    super(`the claim for the ${why} is missing or not usable`);
    this.why = why;
  }
}

/** As OpenID Connect has it. */
const SUBJECT = { ...LIMITS.keyNameBytes, max: 255 } as unknown as (typeof LIMITS)['keyNameBytes'];

/**
 * Reads a verified token. Closed by default: what is not said is not granted, and where readers and
 * writers are to be bound, one that names neither a user nor a team is refused rather than unbound.
 *
 * @throws UnusableClaim
 */
export function readClaims(claims: JWTPayload, settings: ClaimSettings): Identity {
  const subject = claims.sub ?? '';
  if (!isFine((violations) => checkLine(violations, 'sub', subject, SUBJECT))) throw new UnusableClaim('subject');
  const given = textsAt(claims, settings.roleClaim);
  const role = [...settings.roles].find(([value]) => given.includes(value))?.[1];
  if (role === undefined) throw new UnusableClaim('role');
  if (role === Role.MONITOR || role === Role.OPERATOR) return { subject, role, workspace: '', access: UNBOUND };
  const workspace = workspaceOf(claims, settings);
  // An admin makes keys of any binding, so that one of its own would mean nothing.
  const access = role === Role.ADMIN ? UNBOUND : accessOf(claims, settings);
  return { subject, role, workspace, access };
}

function workspaceOf(claims: JWTPayload, { workspaceClaim, workspaces }: ClaimSettings): string {
  const values = textsAt(claims, workspaceClaim);
  const names = workspaces === undefined ? values : values.flatMap((value) => workspaces.get(value) ?? []);
  const [name, ...others] = new Set(names);
  // Of several none can be chosen for the caller.
  if (name === undefined || others.length > 0) throw new UnusableClaim('workspace');
  if (!isFine((violations) => checkLine(violations, 'workspace', name, LIMITS.workspaceNameBytes))) {
    throw new UnusableClaim('workspace');
  }
  return name;
}

function accessOf(claims: JWTPayload, { userClaim, teamsClaim }: ClaimSettings): Access {
  if (userClaim === undefined && teamsClaim === undefined) return UNBOUND;
  const users = userClaim === undefined ? [] : textsAt(claims, userClaim);
  const teams = teamsClaim === undefined ? [] : [...new Set(textsAt(claims, teamsClaim))];
  const userId = users[0] ?? '';
  if (users.length > 1 || !isIdentifier(userId)) throw new UnusableClaim('user');
  const tooMany = teams.length > LIMITS.keyTeams.max;
  if (tooMany || teams.some((team) => team === '' || !isIdentifier(team))) throw new UnusableClaim('teams');
  if (userId === '' && teams.length === 0) throw new UnusableClaim(userClaim === undefined ? 'teams' : 'user');
  return { userId, teams };
}

/** The texts of a claim: one, or those of a list. Anything else is none. */
function textsAt(claims: JWTPayload, name: string): string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : within(claims, name.split('.'));
  const values = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}

function within(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step)
        ? (inner as Record<string, unknown>)[step]
        : undefined,
    value,
  );
}

function isIdentifier(text: string): boolean {
  return isFine((violations) => checkIdentifier(violations, 'claim', text));
}

function isFine(check: (violations: Violations) => unknown): boolean {
  const violations = new Violations();
  check(violations);
  return violations.none;
}
