import { Migration } from '@mikro-orm/migrations';

/**
 * How far back each workspace can still be shown: what retention removes is gone without a change, and
 * an export that began before would miss it. The release before this one removes without saying so.
 */
export class HistoryFrom extends Migration {
  override up(): void {
    this.addSql(`
      alter table workspace_heads
        add column history_from bigint not null default '0',
        add column expired_from timestamptz(6) null,
        add column deleted_from timestamptz(6) null`);
  }
}
