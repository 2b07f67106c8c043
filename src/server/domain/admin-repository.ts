import type { Access } from './access.ts';
import type { Act } from './audit.ts';
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
  readonly description: string;
  /** From then on it is good for nothing; undefined: until it is revoked. */
  readonly expireTime: Micros | undefined;
  /** To the minute. */
  readonly lastUseTime: Micros | undefined;
  /** When its secret was last replaced. */
  readonly rotateTime: Micros | undefined;
  /** The secret that was replaced then, and until when it works too. */
  readonly previous: { readonly secretHash: Uint8Array; readonly expireTime: Micros } | undefined;
  /** SHA-256 of the secret, which has 256 random bits, so that a slow hash would add nothing. */
  readonly secretHash: Uint8Array;
}

/** A key to be made. */
export interface NewKey
  extends Pick<ApiKey, 'id' | 'name' | 'role' | 'workspaceId' | 'access' | 'secretHash'>,
    Partial<Pick<ApiKey, 'description' | 'expireTime'>> {
  /** Instead of expireTime, counted by the database's clock. */
  readonly ttlMicros?: Micros | undefined;
}

/** A new secret for a key. */
export interface NewSecret {
  readonly id: string;
  readonly secretHash: Uint8Array;
}

/** How keys are rotated. */
export interface Rotation {
  /** How long the secrets of now go on working. */
  readonly overlapMicros: Micros;
  /** When the keys end from now on; both undefined: as before. */
  readonly expireTime: Micros | undefined;
  readonly ttlMicros: Micros | undefined;
}

/** Which caches are emptied, everywhere. */
export interface EmptiedCaches {
  /** Of one workspace or, undefined, of all. */
  readonly memories: { readonly workspaceId: number | undefined } | undefined;
  readonly generations: readonly GenerationName[];
}

/**
 * Workspaces and keys: the cold paths, kept through the ORM. Errors as MemoryRepository. Whoever changes
 * something says on whose behalf: `act` is written in the same transaction. Without one the server acts
 * by itself.
 */
export interface AdminRepository {
  /** @throws ServiceError WORKSPACE_EXISTS */
  createWorkspace(name: string, description: string, act?: Act): Promise<Workspace>;
  findWorkspace(name: string): Promise<Workspace | undefined>;
  listWorkspaces(): Promise<Workspace[]>;
  createApiKey(key: NewKey, act?: Act): Promise<ApiKey>;
  findApiKey(id: string): Promise<ApiKey | undefined>;
  /** workspaceId undefined: all keys. */
  listApiKeys(workspaceId: number | undefined): Promise<ApiKey[]>;
  /**
   * Sets revoke_time once, and the generation of the authentication caches up; undefined when there is no
   * such key.
   */
  revokeApiKey(id: string, act?: Act): Promise<ApiKey | undefined>;
  /**
   * Gives keys new secrets, all or none, and sets the generation of the authentication caches up. One act
   * for each, by its target.
   *
   * @throws ServiceError API_KEY_ENDED for one that is revoked or expired
   */
  rotateApiKeys(secrets: readonly NewSecret[], rotation: Rotation, act?: (key: ApiKey) => Act): Promise<ApiKey[]>;
  /** Notes when keys were last used, unless that is known to the minute. */
  recordKeyUses(uses: readonly { readonly id: string; readonly agoMs: number }[]): Promise<void>;
  /** Makes every process drop what it caches. */
  emptyCaches(caches: EmptiedCaches, act?: Act): Promise<void>;
  /**
   * What every process polls (each 250 ms): the cache epochs of the workspaces and the server-wide
   * generation of each cache that InvalidateCaches bumps, with the database's time.
   */
  pollGenerations(): Promise<Generations>;
  /** Bumps the epoch of one workspace, or of all. */
  bumpCacheEpoch(workspaceId: number | undefined): Promise<void>;
  /** Bumps a server-wide generation. */
  bumpGeneration(cache: GenerationName): Promise<void>;
}

/** Caches that have a generation for the whole server. */
export type GenerationName = 'authentication' | 'storage_info' | 'configuration' | 'sealing';

export interface Generations {
  /** Cache epoch by workspace id. */
  readonly epochs: ReadonlyMap<number, number>;
  readonly authentication: number;
  readonly storageInfo: number;
  readonly configuration: number;
  readonly sealing: number;
  /** Of the secrets that processes have opened, without their keys. */
  readonly openedValues: number;
  /** clock_timestamp() of the primary. */
  readonly now: Micros;
}
