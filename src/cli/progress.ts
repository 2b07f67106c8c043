import { Presets, SingleBar } from 'cli-progress';

/** Shows how far a command is, with rate and time left, when standard error is a terminal. */
export interface Progress {
  set(done: number): void;
  stop(): void;
}

export function startProgress(label: string, total: number): Progress {
  if (!process.stderr.isTTY) return { set: () => {}, stop: () => {} };
  const started = performance.now();
  const bar = new SingleBar(
    {
      format: `${label} {bar} {percentage}% | {value}/{total} | {rate}/s | {eta_formatted} left`,
      stream: process.stderr,
      etaBuffer: 50,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { rate: 0 });
  return {
    set: (done) => {
      if (done > bar.getTotal()) bar.setTotal(done);
      bar.update(done, { rate: Math.round((done / (performance.now() - started)) * 1000) });
    },
    stop: () => bar.stop(),
  };
}
