import {
  ConfigServiceService,
  type RevealSecretRequest,
  type RevealSecretResponse,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import { WRITERS } from '../memory/answers.ts';
import type { UnaryMethod } from '../method.ts';

export function revealSecret(service: ConfigService): UnaryMethod<RevealSecretRequest, RevealSecretResponse> {
  return {
    definition: ConfigServiceService.revealSecret,
    roles: WRITERS,
    async handle(call, request) {
      call.answersInClear();
      const { value, changeNo } = await service.reveal(call, request);
      return { value, etag: String(changeNo) };
    },
  };
}
