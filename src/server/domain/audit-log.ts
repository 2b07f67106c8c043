import type { Act } from './audit.ts';

/** Where acts are written down that change nothing: secrets are about to be shown, keys to be rotated. */
export interface AuditLog {
  /** Resolves when it is committed, so that nothing is done that is not written down. */
  record(act: Act): Promise<void>;
}
