import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { layoutOf } from '../../../server/database/embedded/layout.ts';
import { KEY_FILES } from '../../../shared/discovery.ts';
import { bad, type Check, ok, skipped } from '../finding.ts';

export const files: Check = {
  name: 'files',
  about: 'that files with secrets are read by their owner alone',
  async run({ onThisMachine, config }) {
    if (!onThisMachine) return [skipped('The server runs elsewhere: its files are not seen from here.')];
    const { data_dir } = config;
    const { passwordFile, data } = layoutOf(data_dir);
    const secret = [
      ...Object.values(KEY_FILES).map((name) => join(data_dir, name)),
      config.sealing_keyring ?? join(data_dir, 'sealing.keys'),
      passwordFile,
      data,
      config.tls_key,
      config.file,
    ];
    // Anybody may see that the folder is there; who can write to it can put another key in its place.
    const found = await Promise.all([
      ...secret.map((path) => looseMode(path, path === config.file ? 0o022 : 0o077)),
      looseMode(data_dir, 0o022),
    ]);
    const there = found.filter((each) => each !== undefined);
    const loose = there.filter(({ isLoose }) => isLoose);
    if (loose.length === 0) return [ok(`${there.length} files and folders with secrets are closed to others.`)];
    const shown = loose.map(({ path, mode }) => `${path} has mode ${mode.toString(8).padStart(4, '0')}`);
    const fix = loose.map(({ path }) => `chmod go-rwx ${path}`).join('; ');
    return [
      bad(`${shown.join('; ')}: others of this host reach it.`, `${fix}. Rotate a key that others may have read.`),
    ];
  },
};

/** @returns undefined when there is no such file, or it is behind a folder that is closed to us */
async function looseMode(path: string | undefined, forbidden: number) {
  if (path === undefined) return undefined;
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const mode = found.mode & 0o777;
  return { path, mode, isLoose: (mode & forbidden) !== 0 };
}
