import type { Access } from './access.ts';
import type { Micros } from './memory.ts';
import type { Role } from './principal.ts';

export interface Workspace {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly createTime: Micros;
}

export interface ApiKey {
  /** The middle part of "mh_ID_SECRET": 16 characters of Crockford base 32, lower case. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** 0 and '' for monitor and operator keys. */
  readonly workspaceId: number;
  readonly workspace: string;
  readonly access: Access;
  readonly createTime: Micros;
  readonly revokeTime: Micros | undefined;
  /** SHA-256 of the secret, which has 256 random bits, so that a slow hash would add nothing. */
  readonly secretHash: Uint8Array;
}

/** Workspaces and keys: the cold paths, kept through the ORM. Errors as MemoryRepository. */
export interface AdminRepository {
  /** @throws ServiceError WORKSPACE_EXISTS */
  createWorkspace(name: string, description: string): Promise<Workspace>;
  findWorkspace(name: string): Promise<Workspace | undefined>;
  listWorkspaces(): Promise<Workspace[]>;
  createApiKey(key: Omit<ApiKey, 'createTime' | 'revokeTime' | 'workspace'>): Promise<ApiKey>;
  findApiKey(id: string): Promise<ApiKey | undefined>;
  /** workspaceId undefined: all keys. */
  listApiKeys(workspaceId: number | undefined): Promise<ApiKey[]>;
  /** Sets revoke_time once; undefined when there is no such key. */
  revokeApiKey(id: string): Promise<ApiKey | undefined>;
  /**
   * What every process polls (each 250 ms): the cache epochs of the workspaces and the server-wide
   * generation of each cache that InvalidateCaches bumps, with the database's time.
   */
  pollGenerations(): Promise<Generations>;
  /** Bumps the epoch of one workspace, or of all. */
  bumpCacheEpoch(workspaceId: number | undefined): Promise<void>;
  /** Bumps a server-wide generation. */
  bumpGeneration(cache: 'authentication' | 'storage_info'): Promise<void>;
}

export interface Generations {
  /** Cache epoch by workspace id. */
  readonly epochs: ReadonlyMap<number, number>;
  readonly authentication: number;
  readonly storageInfo: number;
  /** clock_timestamp() of the primary. */
  readonly now: Micros;
}
