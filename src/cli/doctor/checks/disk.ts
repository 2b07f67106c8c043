import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { quantityText } from '../../../shared/alerts/quantity.ts';
import { bad, type Check, type Finding, ok, skipped, warn } from '../finding.ts';

export const disk: Check = {
  name: 'disk',
  about: 'free space where data and logs are',
  async run({ onThisMachine, config, limits }) {
    if (!onThisMachine) return [skipped('The server runs elsewhere: its disks are not seen from here.')];
    const places: [string, string][] = [['data', config.data_dir]];
    if (config.log_file !== undefined) places.push(['logs', dirname(config.log_file)]);
    const findings = await Promise.all(places.map(([what, path]) => freeOf(what, path, limits.diskFreePercent / 100)));
    if (config.database_url === undefined) return findings;
    return [...findings, skipped("The database is not the embedded one: its host's disk is not seen from here.")];
  },
};

async function freeOf(what: string, path: string, wanted: number): Promise<Finding> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(path);
  const free = blocks === 0 ? 1 : bavail / blocks;
  // File systems without a fixed number of inodes say 0.
  const inodes = files === 0 ? 1 : ffree / files;
  const least = Math.min(free, inodes);
  const size = quantityText(bavail * bsize, 'bytes');
  const said = `${size}, ${quantityText(free, 'share')} of the disk of the ${what} (${path}), are free; of its inodes ${quantityText(inodes, 'share')}.`;
  const advice = 'Make room before the database stops: move the folder, or purge and shorten what is kept.';
  if (least < wanted) return bad(said, advice);
  return least < wanted * 2 ? warn(said, advice) : ok(said);
}
