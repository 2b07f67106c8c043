import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder = '';
let made = 0;

/** Where to put a file that this run alone has a use for, secrets too: its folder is open to nobody else, and goes with it. */
export function scratchFile(name: string): string {
  if (folder === '') {
    folder = mkdtempSync(join(tmpdir(), 'memory-hub-scratch-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  }
  made += 1;
  return join(folder, `${made}-${name}`);
}
