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

/** By name; the same object for as long as nothing has changed. */
export type EffectiveSettings = readonly EffectiveSetting[];

/**
 * What is in force for users and workspaces, put together once and kept for an hour, or until any
 * setting changes: the process that changes one forgets at once, the others when they poll next. What
 * users share with their workspace is read once for all of them.
 */
export class EffectiveConfig {
  readonly #repository: Pick<SettingRepository, 'settings'>;
  readonly #entries = new LRUCache<string, EffectiveSettings | Promise<EffectiveSettings>>({
    max: MAX_ENTRIES,
    ttl: TTL_MS,
  });

  constructor(repository: Pick<SettingRepository, 'settings'>) {
    this.#repository = repository;
  }

  /** At once where it is known. @param userId empty: for the workspace alone */
  get(workspaceId: number, userId: string): EffectiveSettings | Promise<EffectiveSettings> {
    const name = `${workspaceId} ${userId}`;
    const known = this.#entries.get(name);
    if (known !== undefined) return known;
    const reading = this.#read(workspaceId, userId);
    this.#entries.set(name, reading);
    // What was forgotten while it was read is not kept.
    const isKept = () => this.#entries.peek(name) === reading;
    reading.then(
      (settings) => isKept() && this.#entries.set(name, settings),
      () => isKept() && this.#entries.delete(name),
    );
    return reading;
  }

  clear(): void {
    this.#entries.clear();
  }

  async #read(workspaceId: number, userId: string): Promise<EffectiveSettings> {
    const own = this.#repository.settings(workspaceId, userId);
    const shared = userId === '' ? DEFAULTS : this.get(workspaceId, '');
    const [settings, below] = await Promise.all([own, shared]);
    if (settings.length === 0) return below;
    const byName = new Map(below.map((each) => [each.name, each]));
    for (const setting of settings) byName.set(setting.name, { name: setting.name, setting });
    return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

const DEFAULTS: EffectiveSettings = [...KNOWN_SETTINGS.keys()].sort().map((name) => ({ name, setting: undefined }));
