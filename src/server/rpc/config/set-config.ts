import {
  ConfigServiceService,
  type SetConfigRequest,
  type Setting,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { WRITERS } from '../memory/answers.ts';
import type { UnaryMethod } from '../method.ts';
import { settingMessage } from './messages.ts';

export function setConfig(service: ConfigService): UnaryMethod<SetConfigRequest, Setting> {
  return {
    definition: ConfigServiceService.setConfig,
    roles: WRITERS,
    async handle(call, { setting, etag, ...given }) {
      const { name = '', userId = '', value } = setting ?? {};
      return settingMessage(await service.set(call, { name, userId, value }, etag, given));
    },
  };
}
