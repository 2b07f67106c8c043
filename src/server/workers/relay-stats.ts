import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { StatsSource } from '../stats/hub.ts';

/** The shortest interval of a watcher: what is relayed less often would look like silence to it. */
const RELAY_INTERVAL_MS = 100;

export interface StatsRelay {
  /** Sends what was counted last. */
  close(): void;
}

/** Sends what a worker counts to its parent, which hands it to all of them. */
export function relayStats(own: StatsSource, send: (frame: StatsFrame) => void): StatsRelay {
  const relay = () => {
    const frame = own.drain();
    if (frame) send(frame);
  };
  const timer = setInterval(relay, RELAY_INTERVAL_MS).unref();
  return {
    close() {
      clearInterval(timer);
      relay();
    },
  };
}
