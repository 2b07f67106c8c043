import { openDatabase } from '../database/database.ts';
import { migrate } from '../database/migrate.ts';
import { ensureFirstKeys } from '../first-keys.ts';
import { isForeseen } from '../foreseen.ts';
import { createAdminRepository } from '../repository/admin-repository.ts';
import { createDataKeyStore } from '../repository/data-key-repository.ts';
import { prepareKeyring } from '../security/sealing/open-keyring.ts';
import { serializeError } from '../telemetry/redaction.ts';
import type { FromPreparation, ToPreparation } from './messages.ts';

/** The program that prepares the database, and ends. Ctrl-C reaches the whole process group: the server acts on it. */
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
process.once('message', async (message: ToPreparation) => {
  const end = await prepare(message).then((): FromPreparation => ({ kind: 'done' }), failed);
  process.send?.(end, () => process.disconnect());
});

function tell(level: 'info' | 'warn', text: string): void {
  process.send?.({ kind: 'notice', level, text } satisfies FromPreparation);
}

function failed(error: unknown): FromPreparation {
  if (isForeseen(error)) return { kind: 'failed', foreseen: true, message: error.message };
  return { kind: 'failed', foreseen: false, message: JSON.stringify(serializeError(error)) };
}

/** Brings the schema up to date and makes keyring and first keys, over a few connections of its own. */
async function prepare({ config, databaseUrl }: ToPreparation): Promise<void> {
  const warn = (text: string) => tell('warn', text);
  const database = await openDatabase({ url: databaseUrl, poolMax: 2, poolMin: 0, log: warn });
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
