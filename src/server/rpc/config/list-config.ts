import {
  ConfigServiceService,
  type ListConfigRequest,
  type ListConfigResponse,
  Setting,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { inMessages } from '../admin/messages.ts';
import { READERS } from '../memory/answers.ts';
import type { StreamMethod } from '../method.ts';
import { settingMessage } from './messages.ts';

export function listConfig(service: ConfigService): StreamMethod<ListConfigRequest, ListConfigResponse> {
  return {
    definition: ConfigServiceService.listConfig,
    roles: READERS,
    async *handle(call, { userId }) {
      const rows = (await service.list(call, userId)).map(settingMessage);
      for (const settings of inMessages(rows, Setting)) yield { settings };
    },
  };
}
