import {
  AdminServiceService,
  type CaptureProfileRequest,
  type CaptureProfileResponse,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import { Role } from '../../domain/principal.ts';
import type { Profiling } from '../../domain/profiling.ts';
import type { StreamMethod } from '../method.ts';

/** Operators only: a heap snapshot holds what others wrote. */
export function captureProfile(profiling: Profiling): StreamMethod<CaptureProfileRequest, CaptureProfileResponse> {
  return {
    definition: AdminServiceService.captureProfile,
    roles: [Role.OPERATOR],
    async *handle(call, request) {
      for await (const { data, worker } of profiling.capture(call, request)) {
        yield { data: Buffer.from(data.buffer, data.byteOffset, data.byteLength), worker, pid: process.pid };
      }
    },
  };
}
