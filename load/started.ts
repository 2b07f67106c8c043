interface Started {
  stop(): Promise<void>;
}

/** Has it stopped at the end of the run. */
export type Start = <Thing extends Started>(starting: Thing | Promise<Thing>) => Promise<Thing>;

/** Runs with servers of its own: whatever was started is stopped when the run ends or fails, the last one first. */
export async function withStarted<Result>(run: (start: Start) => Promise<Result>): Promise<Result> {
  const all: Started[] = [];
  try {
    return await run(async (starting) => {
      const started = await starting;
      all.push(started);
      return started;
    });
  } finally {
    for (const started of all.reverse()) await started.stop();
  }
}
