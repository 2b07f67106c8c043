import {
  ConfigServiceService,
  type GetConfigRequest,
  type GetConfigResponse,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { READERS } from '../memory/answers.ts';
import type { UnaryMethod } from '../method.ts';
import { effectiveMessage } from './messages.ts';

export function getConfig(service: ConfigService): UnaryMethod<GetConfigRequest, GetConfigResponse> {
  return {
    definition: ConfigServiceService.getConfig,
    roles: READERS,
    async handle(call, { userId }) {
      return { settings: (await service.get(call, userId)).map(effectiveMessage) };
    },
  };
}
