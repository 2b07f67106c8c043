import type { DoctorContext } from './context.ts';

/** `warn`: works, and somebody should know. `skipped`: could not be looked at from here. */
export type State = 'ok' | 'warn' | 'bad' | 'skipped';

/** One thing that was looked at. */
export interface Finding {
  readonly state: State;
  /** The evidence, in one sentence with figures. Never a secret. */
  readonly said: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** One line of the checklist. */
export interface Check {
  readonly name: string;
  /** What it looks at, for --help and the progress line. */
  readonly about: string;
  run(context: DoctorContext): Promise<readonly Finding[]>;
}

export const ok = (said: string): Finding => ({ state: 'ok', said });
export const warn = (said: string, advice: string): Finding => ({ state: 'warn', said, advice });
export const bad = (said: string, advice: string): Finding => ({ state: 'bad', said, advice });
export const skipped = (said: string): Finding => ({ state: 'skipped', said });
