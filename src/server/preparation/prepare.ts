import type { Config } from '../config.ts';
import { openDatabase } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { ensureFirstKeys } from '../first-keys.ts';
import { createAdminRepository } from '../repository/admin-repository.ts';
import { createDataKeyStore } from '../repository/data-key-repository.ts';
import { prepareKeyring } from '../security/sealing/open-keyring.ts';

/** Brings the schema up to date and makes keyring and first keys, over a few connections of its own. */
export async function prepare(
  config: Config,
  databaseUrl: string,
  tell: (level: 'info' | 'warn', text: string) => void,
): Promise<void> {
  const database = await openDatabase({
    url: databaseUrl,
    poolMax: 2,
    poolMin: 0,
    log: (warning) => tell('warn', warning),
  });
  try {
    for (const name of await migrate(await database.orm())) tell('info', `migrated the schema: ${name}`);
    for (const notice of await prepareKeyring(config, createDataKeyStore(database))) tell('info', notice);
    for (const file of await ensureFirstKeys(createAdminRepository(database), config.data_dir)) {
      tell('info', `wrote ${file}`);
    }
  } finally {
    await database.close();
  }
}
