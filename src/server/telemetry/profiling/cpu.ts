import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** V8's own default; finer ones cost the calls more than they tell. */
const SAMPLING_INTERVAL_US = 1000;

/** The text of a .cpuprofile: names of functions and files, and no data. */
export async function cpuProfile(seconds: number, signal: AbortSignal): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US });
    await session.post('Profiler.start');
    await sleep(seconds * 1000, undefined, { signal });
    const { profile } = await session.post('Profiler.stop');
    return JSON.stringify(profile);
  } finally {
    // Also stops a profiler that was not stopped.
    session.disconnect();
  }
}
