import { createInterface } from 'node:readline/promises';
import { CommandFailure } from './failure.ts';

/**
 * Asks the person at the terminal.
 *
 * @throws CommandFailure when the answer is not "yes", or nobody is there to give one
 */
export async function confirmed(what: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CommandFailure(`${what} Say --yes to do it.`, 2);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${what} Type "yes" to go on: `);
    if (answer.trim() !== 'yes') throw new CommandFailure('Nothing was done.');
  } finally {
    terminal.close();
  }
}
