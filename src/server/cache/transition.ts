import type { MemoryRecord } from '../domain/memory.ts';
import { MAX_TOKENS, type Step } from './protocol.ts';

/** An entry in one of its states; undefined where there is none. */
export type Entry =
  | { readonly state: 'V'; readonly epoch: number; readonly record: MemoryRecord }
  | { readonly state: 'P' | 'F'; readonly token: string }
  | { readonly state: 'X'; readonly tokens: readonly string[] };

export interface Move {
  /** Whether the entry ended as the step wants it. */
  readonly taken: boolean;
  /** The entry from now on; the very object that was there when nothing changes. */
  readonly entry: Entry | undefined;
}

/**
 * The state machine of protocol.ts as a function. STEP_SCRIPT is the same in Lua: a test walks the
 * two side by side, another explores every interleaving of this one.
 */
export function transition(now: Entry | undefined, step: Step): Move {
  switch (step.op) {
    case 'lease':
      if (now === undefined || (now.state === 'V' && now.epoch === step.over)) {
        return { taken: true, entry: { state: 'F', token: step.token } };
      }
      break;
    case 'fill':
      if (now?.state === 'F' && now.token === step.token) return { taken: true, entry: { state: 'V', ...step.value } };
      break;
    case 'mark':
      if (now?.state === 'P') return { taken: false, entry: { state: 'X', tokens: [now.token, step.token] } };
      if (now?.state === 'X') {
        const tokens = now.tokens.length < MAX_TOKENS ? [...now.tokens, step.token] : now.tokens;
        return { taken: false, entry: { state: 'X', tokens } };
      }
      return { taken: true, entry: { state: 'P', token: step.token } };
    case 'settle':
      if (now?.state === 'P' && now.token === step.token) {
        return { taken: true, entry: step.value && { state: 'V', ...step.value } };
      }
      if (now?.state === 'X' && now.tokens.includes(step.token)) {
        const tokens = now.tokens.toSpliced(now.tokens.indexOf(step.token), 1);
        return { taken: false, entry: tokens.length === 0 ? undefined : { state: 'X', tokens } };
      }
      if (now?.state === 'F' || now?.state === 'V') return { taken: false, entry: undefined };
      if (now?.state === 'P') return { taken: false, entry: { state: 'X', tokens: [now.token] } };
  }
  return { taken: false, entry: now };
}
