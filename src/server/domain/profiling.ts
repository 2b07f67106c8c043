import type { Caller } from './principal.ts';

/** What is looked at, as the contract numbers it. */
export const ProfileKind = { CPU: 1, HEAP: 2, EVENTS: 3 } as const;
export type ProfileKind = (typeof ProfileKind)[keyof typeof ProfileKind];

/** A profile as it is asked for, not checked yet. */
export interface WantedProfile {
  readonly kind: number;
  /** 0: the usual time. */
  readonly seconds: number;
  /** 0: this one. */
  readonly worker: number;
  readonly includeContent: boolean;
}

/** The process this one is of, and a part of the file. */
export interface ProfilePart {
  readonly data: Uint8Array;
  readonly worker: number;
}

/** Looks at its own process. */
export interface Profiling {
  /** @throws ServiceError INVALID_FIELD, PROFILE_RUNNING, OTHER_WORKER */
  capture(call: Caller & { readonly signal: AbortSignal }, wanted: WantedProfile): AsyncGenerator<ProfilePart, void>;
}
