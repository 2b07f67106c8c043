import { Migration } from '@mikro-orm/migrations';

/**
 * Where sealed values are kept: `metadata` has placeholders, `sealed` the ciphertexts, so that nothing
 * that reads metadata can leak one. The release before this one knows neither and stores what it is
 * sent; it should not run beside this one for longer than an upgrade takes.
 */
export class SealedValues extends Migration {
  override up(): void {
    this.addSql('alter table memories add column sealed jsonb null');
    this.addSql('alter table memory_revisions add column sealed jsonb null');
    // For the pass that seals anew. They hold nothing but rows with secrets, and cost the others nothing.
    this.addSql('create index memories_sealed on memories (workspace_id, id) where sealed is not null');
    this.addSql(
      'create index memory_revisions_sealed on memory_revisions (workspace_id, change_no) where sealed is not null',
    );
    this.addSql(`
      create table sealing_keys (
        workspace_id int not null,
        generation int not null,
        kek_id text not null,
        wrapped bytea not null,
        create_time timestamptz(6) not null default clock_timestamp(),
        primary key (workspace_id, generation)
      )`);
    this.addSql("insert into cache_generations (cache) values ('sealing'), ('configuration')");
  }
}
