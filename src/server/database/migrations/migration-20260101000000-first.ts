import { Migration } from '@mikro-orm/migrations';

/** The first schema, and what every process shares from its first start: the key that seals tokens. */
export class FirstMigration extends Migration {
  override up(): void {
    this.addSql(`
      create table workspaces (
        id serial primary key,
        name text not null constraint workspaces_name unique,
        description text not null default '',
        create_time timestamptz(6) not null default clock_timestamp()
      )`);
    // One small row, updated by every batch: free space on its page lets each update stay there.
    this.addSql(`
      create table workspace_heads (
        workspace_id int primary key,
        head bigint not null default '0',
        cache_epoch bigint not null default '0'
      ) with (fillfactor = 20)`);
    this.addSql(`
      create table api_keys (
        id text primary key,
        workspace_id int not null default 0,
        name text not null,
        role smallint not null,
        user_id text not null default '',
        teams text[] not null default '{}',
        secret_hash bytea not null,
        create_time timestamptz(6) not null default clock_timestamp(),
        revoke_time timestamptz(6) null
      )`);
    this.addSql('create index api_keys_workspace on api_keys (workspace_id, create_time)');
    this.addSql(`
      create table memories (
        workspace_id int not null,
        id uuid not null,
        revision bigint not null,
        change_no bigint not null,
        key text not null default '',
        scope smallint not null,
        user_id text not null default '',
        team text not null default '',
        category text not null default '',
        content text not null,
        tags text[] not null default '{}',
        metadata jsonb null,
        author text not null default '',
        create_time timestamptz(6) not null,
        update_time timestamptz(6) not null,
        delete_time timestamptz(6) null,
        expire_time timestamptz(6) null,
        primary key (workspace_id, id),
        constraint memories_change_no unique (workspace_id, change_no)
      ) with (fillfactor = 85)`);
    this.addSql('create index memories_create_time on memories (workspace_id, create_time, id)');
    this.addSql('create index memories_category on memories (workspace_id, category, create_time, id)');
    this.addSql('create index memories_team on memories (workspace_id, team, create_time, id)');
    this.addSql('create index memories_user_id on memories (workspace_id, user_id, create_time, id)');
    this.addSql(
      'create index memories_expire_time on memories (workspace_id, expire_time) where expire_time is not null',
    );
    this.addSql(
      'create index memories_delete_time on memories (workspace_id, delete_time) where delete_time is not null',
    );
    this.addSql(`
      create table memory_revisions (
        workspace_id int not null,
        change_no bigint not null,
        memory_id uuid not null,
        revision bigint not null,
        operation smallint not null,
        note text not null default '',
        key text not null default '',
        scope smallint not null,
        user_id text not null default '',
        team text not null default '',
        category text not null default '',
        content text not null,
        tags text[] not null default '{}',
        metadata jsonb null,
        author text not null default '',
        create_time timestamptz(6) not null,
        update_time timestamptz(6) not null,
        delete_time timestamptz(6) null,
        expire_time timestamptz(6) null,
        primary key (workspace_id, change_no),
        constraint memory_revisions_memory unique (workspace_id, memory_id, revision)
      )`);
    this.addSql(`
      create table request_log (
        workspace_id int not null,
        request_id uuid not null,
        request_hash bytea not null,
        first_change bigint not null,
        changes int not null,
        at timestamptz(6) not null,
        primary key (workspace_id, request_id)
      )`);
    this.addSql('create index request_log_at on request_log using brin (at)');
    this.addSql(`
      create table settings (
        workspace_id int not null,
        name text not null,
        value jsonb not null,
        update_time timestamptz(6) not null default clock_timestamp(),
        primary key (workspace_id, name)
      )`);
    this.addSql(`
      create table server_keys (
        id serial primary key,
        purpose text not null,
        secret bytea not null,
        create_time timestamptz(6) not null default clock_timestamp()
      )`);
    // 366 random bits from the server's strong generator, condensed to the 256 the cipher takes.
    // Made here rather than sent, so that no statement log ever shows it.
    this.addSql(`
      insert into server_keys (purpose, secret) values ('token_sealing', sha256(
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))`);
    this.addSql(`
      create table audit (
        id bigserial primary key,
        workspace_id int not null default 0,
        at timestamptz(6) not null default clock_timestamp(),
        key_id text not null,
        author text not null,
        action text not null,
        target text not null default '',
        details jsonb null
      )`);
    this.addSql('create index audit_workspace on audit (workspace_id, id)');
    this.addSql(`
      create table cache_generations (
        cache text primary key,
        generation bigint not null default '0'
      )`);
    this.addSql("insert into cache_generations (cache) values ('authentication'), ('storage_info')");
    this.addSql(`
      create table jobs (
        name text primary key,
        holder text not null default '',
        lease_until timestamptz(6) null,
        last_run timestamptz(6) null
      )`);
    this.addSql("insert into jobs (name) values ('retention')");
  }
}
