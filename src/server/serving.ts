import { EventKind } from '../shared/gen/memoryhub/v1/stats_service.ts';
import type { GenerationPoller } from './generation-poller.ts';
import type { Health } from './rpc/health.ts';

/** What cannot be answered without the database; the empty name stands for the server as a whole. */
const NEED_DATABASE = ['', 'memoryhub.v1.MemoryService', 'memoryhub.v1.ConfigService', 'memoryhub.v1.AdminService'];
const NEED_NOTHING = 'memoryhub.v1.StatsService';

/** Tells health checks, and whoever looks, whether the database is there. */
export function followDatabase(
  poller: GenerationPoller,
  health: Health,
  event: (kind: EventKind, text: string) => void,
): void {
  const setServing = (up: boolean) => {
    for (const service of NEED_DATABASE) health.setServing(service, up);
  };
  health.setServing(NEED_NOTHING, true);
  setServing(poller.databaseIsUp);
  poller.listen({
    polled: () => {},
    databaseUp: (up) => {
      setServing(up);
      if (up) event(EventKind.POSTGRES_BACK, 'PostgreSQL answers again');
      else event(EventKind.POSTGRES_LOST, 'PostgreSQL does not answer');
    },
  });
}
