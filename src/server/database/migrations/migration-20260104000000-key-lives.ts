import { Migration } from '@mikro-orm/migrations';

/**
 * What a key is for, when it ends, when it was last used, and the secret it had before its last one.
 * The release before this one knows neither the end nor the secret before: until it is replaced, its
 * servers take an expired key and refuse an overlapping one.
 */
export class KeyLives extends Migration {
  override up(): void {
    this.addSql(`
      alter table api_keys
        add column description text not null default '',
        add column expire_time timestamptz(6) null,
        add column last_use_time timestamptz(6) null,
        add column rotate_time timestamptz(6) null,
        add column previous_hash bytea null,
        add column previous_expire_time timestamptz(6) null`);
  }
}
