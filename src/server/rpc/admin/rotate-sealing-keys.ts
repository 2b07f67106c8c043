import {
  AdminServiceService,
  type RotateSealingKeysRequest,
  type RotateSealingKeysResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import { Role } from '../../domain/principal.ts';
import type { SealingRotation } from '../../domain/sealing/rotation.ts';
import type { StreamMethod } from '../method.ts';

export function rotateSealingKeys(
  rotation: SealingRotation,
): StreamMethod<RotateSealingKeysRequest, RotateSealingKeysResponse> {
  return {
    definition: AdminServiceService.rotateSealingKeys,
    roles: [Role.OPERATOR],
    async *handle(call, request) {
      for await (const { keyId, wrapped, resealed, sealed } of rotation.rotate(call, request)) {
        yield { keyId, keysWrapped: BigInt(wrapped), rowsResealed: BigInt(resealed), rowsSealed: BigInt(sealed) };
      }
    },
  };
}
