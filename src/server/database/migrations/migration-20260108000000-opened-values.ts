import { Migration } from '@mikro-orm/migrations';

/**
 * A purge has every process forget the secrets it has opened, and no longer the keys they are sealed with.
 * Servers of the release before this one do not look at it: beside them, for as long as an upgrade takes,
 * they may keep a purged secret in memory until their own cache drops it.
 */
export class OpenedValues extends Migration {
  override up(): void {
    this.addSql("insert into cache_generations (cache) values ('opened_values')");
  }
}
