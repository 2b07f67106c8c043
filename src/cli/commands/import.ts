import { defineCommand } from '../define-command.ts';
import { CommandFailure, explain } from '../failure.ts';
import { checkFile, ImportStopped, importFile } from '../import/import-file.ts';
import { parseMapping } from '../import/mapping.ts';
import { openInput } from '../import/open-input.ts';
import { memoriesText, printJson } from '../output.ts';
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
        describe: 'One JSON object a line, as export writes them; "-" is standard input',
      })
      .option('map', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe:
          "FIELD=TEMPLATE for lines of another shape, for instance --map content='{text}' --map key='{chat}/{id}'",
      })
      .option('note', { type: 'string', default: 'import', describe: 'Kept with every revision' })
      .option('again', {
        type: 'boolean',
        default: false,
        describe: 'Save also what the same import saved in the last 24 hours, over what was changed since',
      })
      .option('skip-bad', {
        type: 'boolean',
        default: false,
        describe: 'Import the good lines although there are bad ones',
      }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      parseMapping(flags.map); // A wrong rule is told before anything is read.
      const input = await openInput(flags.file);
      const options = { file: input.handle, map: flags.map, note: flags.note, again: flags.again };
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
        const { saved, before } = imported;
        if (flags.json) printJson({ imported: saved, imported_before: before, bad: checked.bad.length, seconds });
        else if (saved + before === 0) console.log(`Imported nothing: no line of ${input.name} holds a memory.`);
        else {
          console.log(`Imported ${memoriesText(saved)} in ${seconds.toFixed(1)} s (${Math.round(saved / seconds)}/s).`);
          if (before > 0) console.log(beforeText(before));
        }
      } catch (error) {
        progress.stop();
        if (!(error instanceof ImportStopped)) throw error;
        throw new CommandFailure(
          `stopped at line ${error.line}: ${explain(error.rpcError).message}\n` +
            `${error.imported.saved + error.imported.before} memories were imported before it; running the same import again goes on without doubling them.`,
        );
      }
    }),
});

function beforeText(count: number): string {
  return (
    `${count} were imported by an earlier run of the same import, and were left as they are now; ` +
    '--again saves them once more, over what was changed since.'
  );
}
