import {
  type GetStatsRequest,
  type GetStatsResponse,
  StatsServiceService,
} from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import { Role } from '../../domain/principal.ts';
import type { StatsHub } from '../../stats/hub.ts';
import type { UnaryMethod } from '../method.ts';

/** Everything counted since the server started. */
export function getStats(hub: StatsHub): UnaryMethod<GetStatsRequest, GetStatsResponse> {
  return {
    definition: StatsServiceService.getStats,
    roles: [Role.MONITOR, Role.OPERATOR],
    async handle() {
      return { totals: hub.totals() };
    },
  };
}
