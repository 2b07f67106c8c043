import { Migration } from '@mikro-orm/migrations';

/**
 * Every memory in one index by owner instead of two: that of its user, of its team, or of what the
 * workspace shares. The empty user and team of all others were entries nobody looked for; the same
 * goes for the empty category. The release before this one finds its lists in what is left, slower.
 */
export class OwnerIndexes extends Migration {
  override up(): void {
    this.addSql('drop index memories_user_id');
    this.addSql('drop index memories_team');
    this.addSql('drop index memories_category');
    this.addSql(
      "create index memories_user_id on memories (workspace_id, user_id, create_time, id) where user_id <> ''",
    );
    this.addSql("create index memories_team on memories (workspace_id, team, create_time, id) where team <> ''");
    this.addSql('create index memories_shared on memories (workspace_id, create_time, id) where scope = 3');
    this.addSql(
      "create index memories_category on memories (workspace_id, category, create_time, id) where category <> ''",
    );
  }
}
