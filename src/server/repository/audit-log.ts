import type { Database } from '../database/database.ts';
import type { AuditLog } from '../domain/audit-log.ts';
import { actValues, INSERT_ACT } from './audit-acts.ts';
import { toWriteError } from './driver-errors.ts';

/** The audit trail in PostgreSQL. */
export function createAuditLog(database: Database): AuditLog {
  return {
    async record(act) {
      try {
        await database.pool.query({ text: INSERT_ACT, values: actValues(act) });
      } catch (error) {
        throw toWriteError(error);
      }
    },
  };
}
