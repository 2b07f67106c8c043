import type { Database } from '../../src/server/database/database.ts';
import type { AuditLog } from '../../src/server/domain/audit-log.ts';
import type { MemoryRepository } from '../../src/server/domain/repository.ts';
import { ExistingSecrets } from '../../src/server/domain/sealing/existing-secrets.ts';
import { MetadataSealing } from '../../src/server/domain/sealing/metadata-sealing.ts';
import type { PlainRows } from '../../src/server/domain/sealing/plain-rows.ts';
import { createAuditLog } from '../../src/server/repository/audit-log.ts';
import { createDataKeyStore } from '../../src/server/repository/data-key-repository.ts';
import { createPlainRows } from '../../src/server/repository/plain-rows.ts';
import { createSealedRows } from '../../src/server/repository/sealed-rows.ts';
import { Keyring, newKey } from '../../src/server/security/sealing/keyring.ts';
import type { KeyringSource } from '../../src/server/security/sealing/keyring-source.ts';
import { formatKeyring, parseKeyring } from '../../src/server/security/sealing/keyring-text.ts';
import { KeyRotation } from '../../src/server/security/sealing/rotation.ts';
import { Sealing } from '../../src/server/security/sealing/sealing.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';

/** A keyring that several processes of a test read; tests change its text. */
export class SharedKeyring implements KeyringSource {
  readonly where = 'the keyring of the test';
  text = formatKeyring([newKey()]);

  async read(): Promise<string> {
    return this.text;
  }

  readonly rewrite: KeyringSource['rewrite'] = async (change) => {
    this.text = change(this.text);
    return parseKeyring(this.text, this.where);
  };
}

const UNTIMED = { seal: () => {}, open: () => {} };

/** What one process that seals has, over a real database. */
export interface SealingUnderTest {
  readonly sealing: Sealing;
  readonly audit: AuditLog;
  readonly rotation: KeyRotation;
  metadata(repository: Pick<MemoryRepository, 'sealedValues'>, names?: readonly string[]): MetadataSealing;
  /** What seals what was stored in clear, of a server that knows these names. */
  existing(names?: readonly string[]): ExistingSecrets;
  plainRows(): PlainRows;
}

export async function openSealing(
  database: Database,
  keyring: KeyringSource = new SharedKeyring(),
): Promise<SealingUnderTest> {
  const sealing = new Sealing(createDataKeyStore(database), await Keyring.open(keyring), UNTIMED);
  const audit = createAuditLog(database);
  const sweeper = { sweep: () => {}, stop: async () => {} };
  const plainRows = createPlainRows(database, sweeper);
  const existing = (names: readonly string[] = []) =>
    new ExistingSecrets(new SensitiveNames(names), sealing.sealer, plainRows);
  return {
    sealing,
    audit,
    rotation: new KeyRotation(sealing, createSealedRows(database), existing(), audit),
    existing,
    plainRows: () => plainRows,
    metadata: (repository, names = []) =>
      new MetadataSealing({ names: new SensitiveNames(names), sealer: sealing.sealer, audit, repository }),
  };
}
