import {
  ConfigServiceService,
  type ListConfigHistoryRequest,
  type ListConfigHistoryResponse,
  SettingRevision,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { inMessages } from '../admin/messages.ts';
import { READERS } from '../memory/answers.ts';
import type { StreamMethod } from '../method.ts';
import { settingRevisionMessage } from './messages.ts';

export function listConfigHistory(
  service: ConfigService,
): StreamMethod<ListConfigHistoryRequest, ListConfigHistoryResponse> {
  return {
    definition: ConfigServiceService.listConfigHistory,
    roles: READERS,
    async *handle(call, request) {
      const rows = (await service.history(call, request, request.limit)).map(settingRevisionMessage);
      for (const revisions of inMessages(rows, SettingRevision)) yield { revisions };
    },
  };
}
