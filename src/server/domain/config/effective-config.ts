import { LRUCache } from 'lru-cache';
import { KNOWN_SETTINGS } from './known-settings.ts';
import type { Setting, SettingRepository } from './setting.ts';

const MAX_ENTRIES = 1000;
const TTL_MS = 3600 * 1000;

/** What is in force under a name. */
export interface EffectiveSetting {
  readonly name: string;
  /** undefined: nothing, or the built-in default of a known one. */
  readonly setting: Setting | undefined;
}

/**
 * What is in force for users and workspaces, put together once and kept for an hour, or until any
 * setting changes: the process that changes one forgets at once, the others when they poll next.
 */
export class EffectiveConfig {
  readonly #repository: SettingRepository;
  readonly #entries = new LRUCache<string, Promise<readonly EffectiveSetting[]>>({ max: MAX_ENTRIES, ttl: TTL_MS });

  constructor(repository: SettingRepository) {
    this.#repository = repository;
  }

  /** By name. @param userId empty: for the workspace alone */
  get(workspaceId: number, userId: string): Promise<readonly EffectiveSetting[]> {
    const name = `${workspaceId} ${userId}`;
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const reading = this.#read(workspaceId, userId);
    this.#entries.set(name, reading);
    reading.catch(() => {
      if (this.#entries.peek(name) === reading) this.#entries.delete(name);
    });
    return reading;
  }

  clear(): void {
    this.#entries.clear();
  }

  async #read(workspaceId: number, userId: string): Promise<readonly EffectiveSetting[]> {
    const byName = new Map<string, Setting | undefined>([...KNOWN_SETTINGS.keys()].map((name) => [name, undefined]));
    // The workspace's come first, and what a user has set takes their place.
    for (const setting of await this.#repository.settings(workspaceId, userId)) byName.set(setting.name, setting);
    const names = [...byName.keys()].sort();
    return names.map((name) => ({ name, setting: byName.get(name) }));
  }
}
