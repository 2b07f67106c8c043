import { LIMITS } from '../../shared/limits.ts';
import type { AdminRepository, ApiKey, Workspace } from './admin-repository.ts';
import { actOf } from './audit.ts';
import type { Clock } from './call-context.ts';
import { ServiceError } from './errors.ts';
import { type Caller, type Principal, Role, roleName } from './principal.ts';
import {
  checkRotation,
  checkWantedKey,
  isKeyId,
  isServerWide,
  roleDenied,
  type WantedKey,
  type WantedRotation,
} from './validation/api-key.ts';
import { checkLine } from './validation/text.ts';
import { Violations } from './validation/violations.ts';

/** The caches of a server, as the contract's Cache names them. */
export const CacheName = { MEMORIES: 1, AUTHENTICATION: 2, STORAGE_INFO: 3, CONFIGURATION: 4, SEALING: 5 } as const;
export type CacheName = (typeof CacheName)[keyof typeof CacheName];

/** The generations that empty the other caches. */
const GENERATIONS = [
  [CacheName.AUTHENTICATION, 'authentication'],
  [CacheName.STORAGE_INFO, 'storage_info'],
  [CacheName.CONFIGURATION, 'configuration'],
  [CacheName.SEALING, 'sealing'],
] as const;

/**
 * Makes the random parts of a key, or only its secret where there is an id already; the credential is for
 * its owner, the hash for the database.
 */
export type KeyGenerator = (id?: string) => {
  readonly id: string;
  readonly secretHash: Uint8Array;
  readonly credential: string;
};

/**
 * Who manages what: an operator everything, an admin the keys of its own workspace. For an admin,
 * what is elsewhere does not exist.
 */
export class AdminService {
  readonly #repository: AdminRepository;
  readonly #newKey: KeyGenerator;
  readonly #clock: Clock;

  constructor(repository: AdminRepository, newKey: KeyGenerator, clock: Clock) {
    this.#repository = repository;
    this.#newKey = newKey;
    this.#clock = clock;
  }

  /** @throws ServiceError INVALID_FIELD, WORKSPACE_EXISTS */
  async createWorkspace(caller: Caller, name: string, description: string): Promise<Workspace> {
    const violations = new Violations();
    checkWorkspaceName(violations, 'workspace.name', name);
    checkLine(violations, 'workspace.description', description, LIMITS.descriptionBytes);
    violations.check();
    const act = actOf(caller, { action: 'CreateWorkspace', workspaceId: 0, target: name });
    return await this.#repository.createWorkspace(name, description, act);
  }

  async listWorkspaces(): Promise<Workspace[]> {
    const workspaces = await this.#repository.listWorkspaces();
    return workspaces.sort((a, b) => compare(a.name, b.name));
  }

  /** @throws ServiceError INVALID_FIELD, ROLE_DENIED, WORKSPACE_NOT_FOUND */
  async createApiKey(caller: Caller, wanted: WantedKey): Promise<{ key: ApiKey; credential: string }> {
    const { principal } = caller;
    const { role, ...expiry } = checkWantedKey(principal, wanted, this.#clock.now());
    const workspaceId = isServerWide(role) ? 0 : await this.managedWorkspace(principal, wanted.workspace);
    const { id, secretHash, credential } = this.#newKey();
    const { name, access, description } = wanted;
    const details = { name, role: roleName(role), user_id: access.userId, teams: [...access.teams] };
    const act = actOf(caller, { action: 'CreateApiKey', workspaceId, target: id, details });
    const key = { id, name, role, workspaceId, access, description, secretHash, ...expiry };
    return { key: await this.#repository.createApiKey(key, act), credential };
  }

  /** @throws ServiceError WORKSPACE_NOT_FOUND */
  async listApiKeys(caller: Principal, workspace: string): Promise<ApiKey[]> {
    const everything = workspace === '' && caller.role === Role.OPERATOR;
    const keys = await this.#repository.listApiKeys(
      everything ? undefined : await this.managedWorkspace(caller, workspace),
    );
    return keys.sort((a, b) => compare(a.id, b.id));
  }

  /**
   * Revokes a key. Every process learns of it within its next poll, since the generation of the
   * authentication caches goes up before this returns.
   *
   * @throws ServiceError API_KEY_NOT_FOUND
   */
  async revokeApiKey(caller: Caller, id: string): Promise<ApiKey> {
    const { workspaceId } = await this.#managedKey(caller.principal, id);
    const act = actOf(caller, { action: 'RevokeApiKey', workspaceId, target: id });
    const revoked = await this.#repository.revokeApiKey(id, act);
    if (revoked === undefined) throw keyNotFound();
    return revoked;
  }

  /**
   * Gives keys new secrets, all or none. The old ones go on working for the overlap.
   *
   * @returns in the order of the ids
   * @throws ServiceError INVALID_FIELD, API_KEY_NOT_FOUND, API_KEY_ENDED
   */
  async rotateKeys(caller: Caller, wanted: WantedRotation): Promise<{ key: ApiKey; credential: string }[]> {
    const rotation = checkRotation(wanted, this.#clock.now());
    for (const id of wanted.ids) await this.#managedKey(caller.principal, id);
    const secrets = wanted.ids.map((id) => this.#newKey(id));
    const details = { overlap_seconds: rotation.overlapMicros / 1e6 };
    const keys = await this.#repository.rotateApiKeys(secrets, rotation, ({ id, workspaceId }) =>
      actOf(caller, { action: 'RotateKeys', workspaceId, target: id, details }),
    );
    return keys.map((key, index) => ({ key, credential: secrets[index]?.credential ?? '' }));
  }

  /**
   * Empties caches, on every server with its next poll.
   *
   * @param caches those wanted; none: all the caller may
   * @param workspace whose memories; empty: the caller's own, for an operator everybody's
   * @returns what was emptied
   * @throws ServiceError INVALID_FIELD, ROLE_DENIED, WORKSPACE_NOT_FOUND
   */
  async invalidateCaches(caller: Caller, caches: readonly number[], workspace: string): Promise<CacheName[]> {
    const { principal } = caller;
    const chosen = chooseCaches(principal, caches);
    // Before anything is emptied: all or nothing.
    const everybody = workspace === '' && principal.role === Role.OPERATOR;
    const workspaceId = everybody ? undefined : await this.managedWorkspace(principal, workspace);
    const memories = chosen.includes(CacheName.MEMORIES) ? { workspaceId } : undefined;
    const generations = GENERATIONS.filter(([cache]) => chosen.includes(cache)).map(([, name]) => name);
    const names = Object.entries(CacheName).filter(([, cache]) => chosen.includes(cache));
    const details = { caches: names.map(([name]) => name.toLowerCase()) };
    const act = actOf(caller, {
      action: 'InvalidateCaches',
      workspaceId: workspaceId ?? 0,
      target: workspace,
      details,
    });
    await this.#repository.emptyCaches({ memories, generations }, act);
    return chosen;
  }

  /** A key that the caller manages. @throws ServiceError API_KEY_NOT_FOUND */
  async #managedKey(caller: Principal, id: string): Promise<ApiKey> {
    const key = isKeyId(id) ? await this.#repository.findApiKey(id) : undefined;
    if (key === undefined || !manages(caller, key)) throw keyNotFound();
    return key;
  }

  /** The workspace of this name; of an empty one, the caller's own. @throws ServiceError WORKSPACE_NOT_FOUND */
  async managedWorkspace(caller: Principal, name: string): Promise<number> {
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

function manages(caller: Principal, key: ApiKey): boolean {
  return caller.role === Role.OPERATOR || key.workspaceId === caller.workspaceId;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function workspaceNotFound(): ServiceError {
  return new ServiceError('WORKSPACE_NOT_FOUND', 'there is no such workspace, or none that this key manages');
}

function keyNotFound(): ServiceError {
  return new ServiceError('API_KEY_NOT_FOUND', 'there is no such API key, or none that this key manages');
}
