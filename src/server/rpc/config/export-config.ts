import {
  ConfigServiceService,
  type ExportConfigRequest,
  type ExportConfigResponse,
  Setting,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { Role } from '../../domain/principal.ts';
import { inMessages } from '../admin/messages.ts';
import type { StreamMethod } from '../method.ts';
import { settingMessage } from './messages.ts';

export function exportConfig(service: ConfigService): StreamMethod<ExportConfigRequest, ExportConfigResponse> {
  return {
    definition: ConfigServiceService.exportConfig,
    roles: [Role.ADMIN],
    async *handle(call, { revealSensitive }) {
      if (revealSensitive) call.answersInClear();
      const rows = (await service.export(call, revealSensitive)).map(settingMessage);
      for (const settings of inMessages(rows, Setting)) yield { settings };
    },
  };
}
