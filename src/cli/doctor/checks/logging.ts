import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { bad, type Check, type Finding, ok, skipped, warn } from '../finding.ts';

export const logging: Check = {
  name: 'logging',
  about: 'whether the log is written, as JSON lines',
  async run({ onThisMachine, config, stats }) {
    if (!onThisMachine) return [skipped('The server runs elsewhere: its log is not seen from here.')];
    if (config.log_level === 'silent' || config.log_level === 'fatal') {
      return [warn(`LOG_LEVEL is ${config.log_level}: errors are not logged.`, 'Set it to info.')];
    }
    if (config.log_file === undefined) {
      return [ok(`The log goes to standard output, from level ${config.log_level} on.`)];
    }
    const { bootTime } = await stats();
    return [await fileFinding(config.log_file, Number(bootTime?.seconds ?? 0) * 1000)];
  },
};

async function fileFinding(path: string, bootMs: number): Promise<Finding> {
  const advice =
    'See that the folder is there, that the server may write to it, and that it was started with this MEMORYHUB_LOG_FILE.';
  const newest = await newestOf(path);
  if (newest === undefined) return bad(`There is no log file ${path}.`, advice);
  // What a start logs is written a moment after it began.
  if (newest.writtenMs < bootMs - 1000) {
    return bad(
      `${newest.path} was last written ${new Date(newest.writtenMs).toISOString()}, before the server started.`,
      advice,
    );
  }
  const lines = (await readFile(newest.path, 'utf8')).trim().split('\n');
  const last = lines.at(-1) ?? '';
  try {
    JSON.parse(last);
  } catch {
    return bad(`The last line of ${newest.path} is not JSON.`, 'See whether another program writes to the same file.');
  }
  return ok(
    `${newest.path} holds ${lines.length} JSON lines, the last of ${new Date(newest.writtenMs).toISOString()}.`,
  );
}

/** Files roll, and each worker has its own: hub.log is written as hub.2026-01-31.1.log. */
async function newestOf(path: string): Promise<{ path: string; writtenMs: number } | undefined> {
  const names = await readdir(dirname(path)).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.startsWith(basename(path, extname(path))))
      .map(async (name) => {
        const file = join(dirname(path), name);
        const { mtimeMs, size } = await stat(file);
        return { path: file, writtenMs: mtimeMs, size };
      }),
  );
  return found.filter(({ size }) => size > 0).sort((a, b) => b.writtenMs - a.writtenMs)[0];
}
