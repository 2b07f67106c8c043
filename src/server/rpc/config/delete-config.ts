import {
  ConfigServiceService,
  type DeleteConfigRequest,
  type DeleteConfigResponse,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { WRITERS } from '../memory/answers.ts';
import type { UnaryMethod } from '../method.ts';

export function deleteConfig(service: ConfigService): UnaryMethod<DeleteConfigRequest, DeleteConfigResponse> {
  return {
    definition: ConfigServiceService.deleteConfig,
    roles: WRITERS,
    async handle(call, { name, userId, etag, ...given }) {
      await service.delete(call, { name, userId }, etag, given);
      return {};
    },
  };
}
