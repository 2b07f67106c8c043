import yargs, { type Argv } from 'yargs';
import { programVersion } from '../shared/program-version.ts';
import { MONITOR_OPTIONS } from '../tui/args.ts';
import { auditCommand } from './commands/audit.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { getCommand } from './commands/get.ts';
import { historyCommand } from './commands/history.ts';
import { importCommand } from './commands/import.ts';
import { keysCommand } from './commands/keys.ts';
import { listCommand } from './commands/list.ts';
import { profileCommand } from './commands/profile.ts';
import { eraseUserCommand, purgeCommand } from './commands/purge.ts';
import { saveCommand } from './commands/save.ts';
import { serveCommand } from './commands/serve.ts';
import { settingsCommand } from './commands/settings.ts';
import { statusCommand } from './commands/status.ts';
import { stopCommand } from './commands/stop.ts';
import { CommandFailure, explain } from './failure.ts';
import { marked, unmark } from './verbatim.ts';

/**
 * Runs one command line. Exit codes: 0 done, 1 it failed (the sentence is on standard error), 2 the
 * command line itself is wrong.
 */
export async function main(argv: readonly string[]): Promise<void> {
  // `list | head` closes the pipe once it has enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    await parser(argv).parseAsync();
  } catch (error) {
    const failure = error instanceof CommandFailure ? error : explain(error);
    console.error(failure.message);
    process.exitCode = failure.exitCode;
  }
}

/** What yargs says, where its own words need its manual. Its type forgets the forms of one and many. */
const STRINGS = {
  'Not enough non-option arguments: got %s, need at least %s': {
    one: 'An argument is missing: %s given, %s needed; --help shows which.',
    other: 'Arguments are missing: %s given, %s needed; --help shows which.',
  },
} as unknown as Record<string, string>;

/** For completion only: the monitor reads its own flags, before yargs is loaded. */
function monitorFlags<T>(argv: Argv<T>): Argv<T> {
  for (const [name, { type, help }] of Object.entries(MONITOR_OPTIONS)) argv.option(name, { type, describe: help });
  return argv;
}

function parser(argv: readonly string[]) {
  return yargs(marked(argv))
    .middleware(unmark, true)
    .scriptName('memory-hub')
    .usage('$0 <command>\n\nKeeps short texts that language models should remember.')
    .command(serveCommand)
    .command('monitor', 'Open the live monitor (memory-hub monitor --help)', monitorFlags)
    .command(statusCommand)
    .command(stopCommand)
    .command(doctorCommand)
    .command(saveCommand)
    .command(getCommand)
    .command(listCommand)
    .command(historyCommand)
    .command(exportCommand)
    .command(importCommand)
    .command(keysCommand)
    .command(auditCommand)
    .command(purgeCommand)
    .command(eraseUserCommand)
    .command(settingsCommand)
    .command(profileCommand)
    .command(configCommand)
    .completion('completion', 'Print a completion script for bash or zsh')
    .demandCommand(1, 'Say what to do: memory-hub --help lists the commands.')
    .recommendCommands()
    .strict()
    .updateStrings(STRINGS)
    .version(programVersion())
    .help()
    .alias('help', 'h')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      // What a flag's own check throws comes wrapped as an error of yargs.
      throw error && error.name !== 'YError' ? error : new CommandFailure(message ?? error?.message, 2);
    });
}
