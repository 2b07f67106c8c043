import { existsSync } from 'node:fs';
import { defineCommand } from '../define-command.ts';
import { CommandFailure, explain } from '../failure.ts';
import { checkFile, ImportStopped, importFile } from '../import/import-file.ts';
import { printJson } from '../output.ts';
import { startProgress } from '../progress.ts';
import { connectionFlags, withHub } from '../session.ts';

/** Bad lines that are named; more are only counted as "and more". */
const MAX_BAD = 100;

export const importCommand = defineCommand({
  command: 'import <file>',
  describe: 'Save every line of a JSONL file; running it again doubles nothing',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'One JSON object a line, as export writes them',
      })
      .option('map', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe:
          "FIELD=TEMPLATE for lines of another shape, for instance --map content='{text}' --map key='{chat}/{id}'",
      })
      .option('note', { type: 'string', default: 'import', describe: 'Kept with every revision' })
      .option('skip-bad', {
        type: 'boolean',
        default: false,
        describe: 'Import the good lines although there are bad ones',
      }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      if (!existsSync(flags.file)) throw new CommandFailure(`there is no file ${flags.file}`);
      const options = { path: flags.file, map: flags.map, note: flags.note };
      const checked = await checkFile(options, flags.skipBad ? Number.MAX_SAFE_INTEGER : MAX_BAD);
      for (const { line, problem } of checked.bad.slice(0, MAX_BAD)) console.error(`line ${line}: ${problem}`);
      if (checked.bad.length > 0 && !flags.skipBad) {
        const many =
          checked.bad.length >= MAX_BAD
            ? `${MAX_BAD} or more lines are`
            : `${checked.bad.length === 1 ? '1 line is' : `${checked.bad.length} lines are`}`;
        throw new CommandFailure(`${many} bad; nothing was imported. --skip-bad imports the others.`);
      }
      const started = performance.now();
      const progress = startProgress('import', checked.memories);
      try {
        const imported = await importFile(hub, options, checked.digest, progress.set);
        progress.stop();
        const seconds = (performance.now() - started) / 1000;
        if (flags.json) printJson({ imported, bad: checked.bad.length, seconds });
        else
          console.log(
            `Imported ${imported} memories in ${seconds.toFixed(1)} s (${Math.round(imported / seconds)}/s).`,
          );
      } catch (error) {
        progress.stop();
        if (!(error instanceof ImportStopped)) throw error;
        throw new CommandFailure(
          `stopped at line ${error.line}: ${explain(error.rpcError).message}\n` +
            `${error.imported} memories were imported before it; running the same import again goes on without doubling them.`,
        );
      }
    }),
});
