import { Migration } from '@mikro-orm/migrations';

/** Settings by workspace and by user, with their history. Releases before this one made the table and left it empty. */
export class Settings extends Migration {
  override up(): void {
    this.addSql(`
      alter table settings
        add column user_id text not null default '',
        add column sealed jsonb null,
        add column change_no bigint not null default '0',
        add column author text not null default ''`);
    this.addSql('alter table settings drop constraint settings_pkey');
    this.addSql('alter table settings add primary key (workspace_id, user_id, name)');
    this.addSql(`
      create table setting_revisions (
        change_no bigserial primary key,
        workspace_id int not null,
        user_id text not null default '',
        name text not null,
        operation smallint not null,
        value jsonb null,
        sealed jsonb null,
        author text not null default '',
        note text not null default '',
        at timestamptz(6) not null default clock_timestamp()
      )`);
    this.addSql('create index setting_revisions_setting on setting_revisions (workspace_id, user_id, name, change_no)');
  }
}
