import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { timestampFromMs } from '../../src/shared/time.ts';
import { encodeDelimited } from '../../src/tui/source/recording-file.ts';
import { NOW_MS, trafficFrame } from './support/frames.ts';
import { TmuxSession, tmuxSuite } from './support/tmux.ts';

const HOUR = 3600;
/** What is promised of the whole program; and for a second server, whose past is kept beside that of both. */
const MOST_PRIVATE_MB = 80;
const MOST_WITH_TWO_MB = 100;

const sessions: TmuxSession[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

/** Sixty different seconds of a busy server, again and again, of one server or of several in turn. */
function recordHour(path: string, targets: readonly string[]): void {
  const minute = Array.from({ length: 60 }, (_, second) => trafficFrame(60 + second));
  const messages = Array.from({ length: HOUR }, (_, second) => {
    const frame = { ...minute[second % 60], at: timestampFromMs(NOW_MS + second * 1000), events: [] };
    return targets.map((target) =>
      encodeDelimited({ frame: { ...trafficFrame(0), ...frame, sequence: BigInt(second + 1) }, target }),
    );
  });
  writeFileSync(path, Buffer.concat(messages.flat()));
}

/** Memory that is the process's alone, in MB as /proc tells it: code that others have mapped too is not its cost. */
function privateMb(pid: number): number {
  const kb = /^Private_Dirty:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kb) / 1024;
}

tmuxSuite('the monitor after an hour of frames', () => {
  test.skipIf(!existsSync('/proc/self/smaps_rollup')).each([
    ['one server', [''], MOST_PRIVATE_MB],
    ['two servers merged', ['a:1', 'b:1'], MOST_WITH_TWO_MB],
  ] as const)('of %s has no more memory of its own than was promised', async (_name, targets, most) => {
    const session = await TmuxSession.open(100, 30);
    sessions.push(session);
    const recording = join(session.folder, 'hour.rec');
    recordHour(recording, targets);
    await session.monitor(['--replay', recording, '--speed', '0']);
    await session.until((screen) => screen.includes('[REPLAY ENDED]'), 240_000);
    for (const screen of ['2', '4', '5', '6', '1']) {
      await session.press(screen);
      await session.until((text) => text.includes(`[${screen} `));
    }
    // Of all that it remembers.
    await session.press('w');
    await session.press('w');
    await session.until((text) => text.includes('window 15m'));
    const used = privateMb(await session.childPid());
    expect(used).toBeGreaterThan(30);
    expect(used).toBeLessThan(most);
  });
});
