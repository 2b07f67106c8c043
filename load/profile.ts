import { BundleOrigins, type Frame } from '../src/shared/bundle-origin.ts';

/** A CPU profile as the inspector gives it. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: Frame & { readonly functionName: string };
  readonly children?: readonly number[];
}

/** Time of one function itself, its callees apart. */
export interface Hotspot {
  readonly name: string;
  /** 0 to 1, of the time in which the processor was used. */
  readonly share: number;
}

/** Not work: waiting for something to do. */
const IDLE = new Set(['(idle)', '(root)']);

/**
 * Takes a profile of a running server while `work` goes on, through the inspector it was started
 * with (--inspect-port=0 and --inspect, whose address stands on its standard error).
 */
export async function profile(inspectorUrl: string, work: () => Promise<unknown>): Promise<CpuProfile> {
  const socket = new WebSocket(inspectorUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`no inspector at ${inspectorUrl}`));
  });
  let next = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  };
  const send = (method: string, params = {}) =>
    new Promise<unknown>((resolve) => {
      waiting.set(++next, resolve);
      socket.send(JSON.stringify({ id: next, method, params }));
    });
  try {
    await send('Profiler.enable');
    await send('Profiler.setSamplingInterval', { interval: 200 });
    await send('Profiler.start');
    await work();
    const { profile } = (await send('Profiler.stop')) as { profile: CpuProfile };
    const origins = new BundleOrigins();
    return { ...profile, nodes: profile.nodes.map((node) => ({ ...node, callFrame: origins.of(node.callFrame) })) };
  } finally {
    socket.close();
  }
}

/** Microseconds each node itself was seen running. */
export function selfTimes({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const times = new Map<number, number>();
  samples.forEach((id, index) => {
    times.set(id, (times.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

/** The functions that took most themselves, most first. */
export function hotspots(taken: CpuProfile, count = 30): Hotspot[] {
  const times = selfTimes(taken);
  const byName = new Map<string, number>();
  let busy = 0;
  for (const node of taken.nodes) {
    const time = times.get(node.id) ?? 0;
    if (IDLE.has(node.callFrame.functionName)) continue;
    busy += time;
    byName.set(nameOf(node), (byName.get(nameOf(node)) ?? 0) + time);
  }
  return [...byName]
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([name, time]) => ({ name, share: time / busy }));
}

/** "function file:line", the path cut to what tells. */
export function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const file = url.replace(/^.*\/(?=(node_modules|src)\/)/, '').replace(/^node_modules\//, '');
  return `${functionName || '(anonymous)'}${file ? ` ${file}:${lineNumber + 1}` : ''}`;
}

export function isIdle({ callFrame }: ProfileNode): boolean {
  return IDLE.has(callFrame.functionName);
}
