import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { printJson } from '../output.ts';
import { connectionFlags, withHub } from '../session.ts';

/** Settings of one request. */
const BATCH = 1000;

export const settingsExportCommand = defineCommand({
  command: 'export',
  describe: 'Write all settings, one JSON object a line; secrets as placeholders unless --reveal',
  builder: (argv) =>
    connectionFlags(argv)
      .option('out', { type: 'string', describe: 'Write this new file, which only its owner can read' })
      .option('reveal', { type: 'boolean', default: false, describe: 'Secrets in clear; goes into the audit trail' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const file = flags.out === undefined ? undefined : await create(flags.out);
      try {
        for await (const { settings } of hub.config.exportConfig({ revealSensitive: flags.reveal })) {
          for (const { name, userId, value } of settings) {
            const line = { name, ...(userId && { user_id: userId }), value };
            if (file === undefined) printJson(line);
            else await file.write(`${JSON.stringify(line)}\n`);
          }
        }
      } finally {
        await file?.close();
      }
    }),
});

export const settingsImportCommand = defineCommand({
  command: 'import <file>',
  describe: 'Set what an export has, all or nothing; what it does not name stays',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('file', { type: 'string', demandOption: true })
      .option('note', { type: 'string', default: '', describe: 'Why' })
      .option('validate-only', { type: 'boolean', default: false, describe: 'Check and change nothing' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      const settings = readLines(flags.file);
      if (settings.length > BATCH) throw new CommandFailure(`${flags.file} has more than ${BATCH} settings.`);
      const { note, validateOnly } = flags;
      const { changed, unchanged } = await hub.config.importConfig({ settings, note, validateOnly });
      if (flags.json) printJson({ changed: Number(changed), unchanged: Number(unchanged) });
      else console.log(`${changed} settings ${validateOnly ? 'would be ' : ''}set, ${unchanged} as they were.`);
    }),
});

async function create(path: string) {
  try {
    return await open(path, 'wx', 0o600);
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new CommandFailure(
      `cannot make the file ${path}: ${there ? 'it is there already' : (error as Error).message}`,
    );
  }
}

function readLines(path: string): { name: string; userId: string; value: unknown }[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandFailure(`cannot read ${path}: ${(error as Error).message}`);
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      const parsed = JSON.parse(line) as { name?: unknown; user_id?: unknown; value?: unknown };
      const { name, user_id: userId = '', value } = parsed;
      if (typeof name === 'string' && typeof userId === 'string' && value !== undefined)
        return [{ name, userId, value }];
    } catch {
      // Said below, without what the line holds.
    }
    throw new CommandFailure(`${path}: line ${index + 1} is not {"name": ..., "user_id": ..., "value": ...}`);
  });
}
