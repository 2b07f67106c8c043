/** Why there is no stream, in words an operator reads. */
export interface Problem {
  /** Name of the status code, for instance "UNAVAILABLE". */
  readonly code: string;
  readonly text: string;
  /** What to do about it, where that is known. */
  readonly advice?: string;
}

/** Whether trying again may help although nothing was changed. */
export function isTransient({ code }: Problem): boolean {
  return code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED' || code === 'RESOURCE_EXHAUSTED';
}

/** How the monitor stands to its server. */
export type Connection =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'live' }
  /** The stream broke or never began; another attempt comes at retryAtMs. */
  | { readonly phase: 'retrying'; readonly problem: Problem; readonly retryAtMs: number }
  /** Frames come from a recording; `ended` when it is over. */
  | {
      readonly phase: 'replaying';
      readonly ended: boolean;
      /** Where the recording cannot be read any further: "cut off at byte 1200 of 1300". */
      readonly damage?: string;
    };
