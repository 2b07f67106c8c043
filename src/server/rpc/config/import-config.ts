import {
  ConfigServiceService,
  type ImportConfigRequest,
  type ImportConfigResponse,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { Role } from '../../domain/principal.ts';
import type { UnaryMethod } from '../method.ts';

export function importConfig(service: ConfigService): UnaryMethod<ImportConfigRequest, ImportConfigResponse> {
  return {
    definition: ConfigServiceService.importConfig,
    roles: [Role.ADMIN],
    async handle(call, { settings, ...given }) {
      const { changed, unchanged } = await service.import(call, settings, given);
      return { changed: BigInt(changed), unchanged: BigInt(unchanged) };
    },
  };
}
