import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, expect, test } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import { watchStats } from '../../src/server/rpc/stats/watch-stats.ts';
import { encodeFrame } from '../../src/server/stats/frame-bytes.ts';
import { StatsHub } from '../../src/server/stats/hub.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { memoryServer } from '../rpc-memory/harness.ts';
import type { Watched } from './support/watchers.ts';

const WATCHERS = 1000;
const CONNECTIONS = 10;
/** Half of them look at a method in detail. */
const CLASSES = 2;
const FRAMES = 30;
const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let hub: StatsHub | undefined;
let encoded = 0;
const server = memoryServer({}, (recorder) => {
  hub = new StatsHub({
    source: recorder,
    identity: { bootId: 'boot-1', replica: 'hub-1:50051', version: '0.1.0', bootTime: timestampFromMs(Date.now()) },
    onError: (error) => {
      throw error;
    },
    encode: (frame) => {
      encoded++;
      return encodeFrame(frame);
    },
  });
  hub.start();
  return [watchStats(hub)];
});

let watchers: ChildProcess | undefined;
afterAll(() => {
  watchers?.kill('SIGKILL');
  hub?.close();
});

/** A thousand streams in another process; resolves with what they have come to once `enough`. */
function watching(credential: string): (enough: (watched: Watched) => boolean) => Promise<Watched> {
  const program = join(import.meta.dirname, 'support/watchers.ts');
  const child = spawn(process.execPath, [program, server().address, `${CONNECTIONS}`, `${WATCHERS / CONNECTIONS}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  watchers = child;
  child.stdin.end(credential);
  let last: Watched = { fewest: 0, frames: 0, merged: 0, errors: [] };
  createInterface(child.stdout).on('line', (line) => {
    last = JSON.parse(line);
  });
  return async (enough) => {
    while (!enough(last)) {
      if (child.exitCode !== null) throw new Error(`the watchers ended with ${child.exitCode}`);
      await sleep(50);
    }
    return last;
  };
}

function aliveBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a thousand watchers cost one encoding a frame and class, hold nothing, and no call notices them', async () => {
  const workspace = await server().newWorkspace();
  const until = watching(await workspace.credential(Role.OPERATOR));

  // Somebody works all the while: what fails is the test's failure.
  let ended = false;
  let calls = 0;
  const working = (async () => {
    for (; !ended; calls++) {
      const { id } = await workspace.memories.saveMemory({ memory: { content: `the words of call ${calls}` } });
      const read = await workspace.memories.getMemory({ target: { $case: 'id', value: id } });
      expect(read.content).toBe(`the words of call ${calls}`);
    }
  })();

  const begun = await until(({ fewest }) => fewest >= 5);
  expect(hub?.totals().connections?.watchers).toBe(WATCHERS);
  const encodedBefore = encoded;
  const beatsBefore = performance.now();
  const aliveBefore = aliveBytes();
  const callsBefore = calls;

  const after = await until(({ fewest }) => fewest >= begun.fewest + FRAMES);
  const encodings = encoded - encodedBefore;
  const beats = Math.ceil((performance.now() - beatsBefore) / 1000) + 1;
  // A reader that was late is sent what it missed in a frame of its own: nothing else is encoded again.
  const late = after.merged - begun.merged;
  expect(encodings).toBeGreaterThanOrEqual(FRAMES * CLASSES - CLASSES);
  expect(encodings).toBeLessThanOrEqual(beats * CLASSES + late);
  expect(after.frames - begun.frames).toBeGreaterThan(WATCHERS * (FRAMES - 2));
  expect(after.errors).toEqual([]);
  expect(aliveBytes() - aliveBefore).toBeLessThan(8 * MIB);

  ended = true;
  await working;
  expect(calls).toBeGreaterThan(callsBefore + FRAMES);
  expect(server().faults).toEqual([]);

  watchers?.kill('SIGKILL');
  while (hub?.totals().connections?.watchers !== 0) await sleep(50);
  // What was held for them is held no more.
  expect(aliveBytes()).toBeLessThan(aliveBefore);
});
