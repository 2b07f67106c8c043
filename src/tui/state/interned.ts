import type { Caller } from './slot.ts';

/** Beyond so many the tables begin anew: a stream of ever new callers must not fill the memory. */
const MOST = 4096;

const texts = new Map<string, string>();
const callers = new Map<string, Caller>();

/** The same string for every frame that has it: 15 minutes of frames share theirs. */
export function interned(text: string): string {
  return remembered(texts, text, () => text);
}

/** The same caller for every frame that has it. */
export function callerOf(keyId: string, keyName: string, peer: string): Caller {
  return remembered(callers, JSON.stringify([keyId, keyName, peer]), () => ({ keyId, keyName, peer }));
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key);
  if (before !== undefined) return before;
  if (known.size >= MOST) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}
