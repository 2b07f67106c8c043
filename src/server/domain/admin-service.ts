import { LIMITS } from '../../shared/limits.ts';
import type { Access } from './access.ts';
import type { AdminRepository, ApiKey, Workspace } from './admin-repository.ts';
import { ServiceError } from './errors.ts';
import { type Principal, Role } from './principal.ts';
import { checkIdentifier, checkLine } from './validation/text.ts';
import { Violations } from './validation/violations.ts';

/** The caches of a server, as the contract's Cache names them. */
export const CacheName = { MEMORIES: 1, AUTHENTICATION: 2, STORAGE_INFO: 3 } as const;
export type CacheName = (typeof CacheName)[keyof typeof CacheName];

/** 16 characters of Crockford's base 32. */
const KEY_ID = /^[0-9a-hjkmnp-tv-z]{16}$/;

/** Makes the random parts of a key; the credential is for its owner, the hash for the database. */
export type KeyGenerator = () => {
  readonly id: string;
  readonly secretHash: Uint8Array;
  readonly credential: string;
};

/** A key as it is asked for, not checked yet. */
export interface WantedKey {
  readonly name: string;
  readonly role: number;
  /** Empty: the caller's own. */
  readonly workspace: string;
  readonly access: Access;
}

/**
 * Who manages what: an operator everything, an admin the keys of its own workspace. For an admin,
 * what is elsewhere does not exist.
 */
export class AdminService {
  readonly #repository: AdminRepository;
  readonly #newKey: KeyGenerator;

  constructor(repository: AdminRepository, newKey: KeyGenerator) {
    this.#repository = repository;
    this.#newKey = newKey;
  }

  /** @throws ServiceError INVALID_FIELD, WORKSPACE_EXISTS */
  async createWorkspace(name: string, description: string): Promise<Workspace> {
    const violations = new Violations();
    checkWorkspaceName(violations, 'workspace.name', name);
    checkLine(violations, 'workspace.description', description, LIMITS.descriptionBytes);
    violations.check();
    return await this.#repository.createWorkspace(name, description);
  }

  async listWorkspaces(): Promise<Workspace[]> {
    const workspaces = await this.#repository.listWorkspaces();
    return workspaces.sort((a, b) => compare(a.name, b.name));
  }

  /** @throws ServiceError INVALID_FIELD, ROLE_DENIED, WORKSPACE_NOT_FOUND */
  async createApiKey(caller: Principal, wanted: WantedKey): Promise<{ key: ApiKey; credential: string }> {
    const role = checkWantedKey(caller, wanted);
    const workspaceId = isServerWide(role) ? 0 : await this.#managedWorkspace(caller, wanted.workspace);
    const { id, secretHash, credential } = this.#newKey();
    const { name, access } = wanted;
    return {
      key: await this.#repository.createApiKey({ id, name, role, workspaceId, access, secretHash }),
      credential,
    };
  }

  /** @throws ServiceError WORKSPACE_NOT_FOUND */
  async listApiKeys(caller: Principal, workspace: string): Promise<ApiKey[]> {
    const everything = workspace === '' && caller.role === Role.OPERATOR;
    const keys = await this.#repository.listApiKeys(
      everything ? undefined : await this.#managedWorkspace(caller, workspace),
    );
    return keys.sort((a, b) => compare(a.id, b.id));
  }

  /**
   * Revokes a key. Every process learns of it within its next poll, since the generation of the
   * authentication caches goes up before this returns.
   *
   * @throws ServiceError API_KEY_NOT_FOUND
   */
  async revokeApiKey(caller: Principal, id: string): Promise<ApiKey> {
    const key = KEY_ID.test(id) ? await this.#repository.findApiKey(id) : undefined;
    if (key === undefined || !manages(caller, key)) throw keyNotFound();
    const revoked = await this.#repository.revokeApiKey(id);
    if (revoked === undefined) throw keyNotFound();
    await this.#repository.bumpGeneration('authentication');
    return revoked;
  }

  /**
   * Empties caches, on every server with its next poll.
   *
   * @param caches those wanted; none: all the caller may
   * @param workspace whose memories; empty: the caller's own, for an operator everybody's
   * @returns what was emptied
   * @throws ServiceError INVALID_FIELD, ROLE_DENIED, WORKSPACE_NOT_FOUND
   */
  async invalidateCaches(caller: Principal, caches: readonly number[], workspace: string): Promise<CacheName[]> {
    const chosen = chooseCaches(caller, caches);
    // Before anything is emptied: all or nothing.
    const everybody = workspace === '' && caller.role === Role.OPERATOR;
    const workspaceId = everybody ? undefined : await this.#managedWorkspace(caller, workspace);
    if (chosen.includes(CacheName.MEMORIES)) await this.#repository.bumpCacheEpoch(workspaceId);
    if (chosen.includes(CacheName.AUTHENTICATION)) await this.#repository.bumpGeneration('authentication');
    if (chosen.includes(CacheName.STORAGE_INFO)) await this.#repository.bumpGeneration('storage_info');
    return chosen;
  }

  async #managedWorkspace(caller: Principal, name: string): Promise<number> {
    if (caller.role !== Role.OPERATOR) {
      if (name === '' || name === caller.workspace) return caller.workspaceId;
      throw workspaceNotFound();
    }
    const violations = new Violations();
    checkWorkspaceName(violations, 'workspace', name);
    // A name that cannot be one (NUL, for instance) is not the database's to see.
    const workspace = violations.none ? await this.#repository.findWorkspace(name) : undefined;
    if (workspace === undefined) throw workspaceNotFound();
    return workspace.id;
  }
}

/** @throws ServiceError ROLE_DENIED first, since permission comes before the fields, then INVALID_FIELD */
function checkWantedKey(caller: Principal, wanted: WantedKey): Role {
  if (isServerWide(wanted.role) && caller.role !== Role.OPERATOR) {
    throw roleDenied('only an operator key makes monitor and operator keys');
  }
  const violations = new Violations();
  checkLine(violations, 'api_key.name', wanted.name, LIMITS.keyNameBytes);
  const role = Object.values(Role).find((one) => one === wanted.role);
  if (role === undefined) violations.add('api_key.role', `is ${wanted.role}; a key needs one of the roles 1 to 5`);
  else checkBinding(violations, caller, wanted, role);
  violations.check();
  return wanted.role as Role;
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

function chooseCaches(caller: Principal, caches: readonly number[]): CacheName[] {
  const all = Object.values(CacheName);
  const violations = new Violations();
  caches.forEach((cache, index) => {
    if (cache !== 0 && !all.some((one) => one === cache)) {
      violations.add(`caches[${index}]`, `is ${cache}; the caches are 1 to ${all.length}`);
    }
  });
  violations.check();
  const allowed = caller.role === Role.OPERATOR ? all : [CacheName.MEMORIES];
  if (caches.every((cache) => cache === 0)) return [...allowed];
  if (caches.some((cache) => cache !== 0 && !allowed.some((one) => one === cache))) {
    throw roleDenied("an admin key empties its workspace's memories only");
  }
  return allowed.filter((cache) => caches.includes(cache));
}

function checkWorkspaceName(violations: Violations, field: string, name: string): void {
  checkLine(violations, field, name, LIMITS.workspaceNameBytes);
  if (name.trim() !== name) violations.add(field, 'begins or ends with white space');
}

function isServerWide(role: number): boolean {
  return role === Role.MONITOR || role === Role.OPERATOR;
}

function manages(caller: Principal, key: ApiKey): boolean {
  return caller.role === Role.OPERATOR || key.workspaceId === caller.workspaceId;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function roleDenied(message: string): ServiceError {
  return new ServiceError('ROLE_DENIED', message, { metadata: { role: 'admin', needed: 'operator' } });
}

function workspaceNotFound(): ServiceError {
  return new ServiceError('WORKSPACE_NOT_FOUND', 'there is no such workspace, or none that this key manages');
}

function keyNotFound(): ServiceError {
  return new ServiceError('API_KEY_NOT_FOUND', 'there is no such API key, or none that this key manages');
}
