import type { Migration } from '@mikro-orm/migrations';
import { FirstMigration } from './migration-20260101000000-first.ts';
import { OwnerIndexes } from './migration-20260102000000-owner-indexes.ts';
import { HistoryFrom } from './migration-20260103000000-history-from.ts';
import { KeyLives } from './migration-20260104000000-key-lives.ts';
import { AuditTrail } from './migration-20260105000000-audit-trail.ts';
import { SealedValues } from './migration-20260106000000-sealed-values.ts';
import { Settings } from './migration-20260107000000-settings.ts';
import { OpenedValues } from './migration-20260108000000-opened-values.ts';

type MigrationClass = new (...args: ConstructorParameters<typeof Migration>) => Migration;

/**
 * Every migration this program knows, oldest first. Names sort by time, so that "newer" can be read
 * off them. Migrations only go forward, and each leaves a schema that the release before it can still
 * work with: servers of both run side by side during a rolling upgrade.
 */
export const MIGRATIONS: readonly { readonly name: string; readonly class: MigrationClass }[] = [
  { name: '20260101000000_first', class: FirstMigration },
  { name: '20260102000000_owner_indexes', class: OwnerIndexes },
  { name: '20260103000000_history_from', class: HistoryFrom },
  { name: '20260104000000_key_lives', class: KeyLives },
  { name: '20260105000000_audit_trail', class: AuditTrail },
  { name: '20260106000000_sealed_values', class: SealedValues },
  { name: '20260107000000_settings', class: Settings },
  { name: '20260108000000_opened_values', class: OpenedValues },
];
