import { Migration } from '@mikro-orm/migrations';

/**
 * Where acts came from, and refused access: a row for each caller, RPC and reason within an hour, which
 * is counted up. Nothing wrote to the table before. (workspace_id, at) serves retention and lists alike.
 */
export class AuditTrail extends Migration {
  override up(): void {
    this.addSql(`
      alter table audit
        add column peer text not null default '',
        add column call_id text not null default '',
        add column reason text not null default '',
        add column occurrences bigint not null default '1',
        add column last_time timestamptz(6) not null default clock_timestamp(),
        add column period timestamptz(6) null`);
    this.addSql(`
      create unique index audit_refusals on audit (period, reason, action, target, key_id, author, peer)
        where period is not null`);
    this.addSql('create index audit_at on audit (at)');
  }
}
