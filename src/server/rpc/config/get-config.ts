import { LRUCache } from 'lru-cache';
import {
  ConfigServiceService,
  type GetConfigRequest,
  type GetConfigResponse,
  Setting,
} from '../../../shared/gen/memoryhub/v1/config_service.ts';
import type { ConfigService } from '../../domain/config/config-service.ts';
import type { EffectiveSetting, EffectiveSettings } from '../../domain/config/effective-config.ts';
import { READERS } from '../memory/answers.ts';
import { MemoryFrames } from '../memory/memory-frames.ts';
import type { EncodedMessage, UnaryMethod } from '../method.ts';
import { compressOnce } from '../response-compression.ts';
import { effectiveMessage } from './messages.ts';

/** Of all ready answers together. */
const MAX_BYTES = 16 * 1024 * 1024;

export function getConfig(service: ConfigService): UnaryMethod<GetConfigRequest, GetConfigResponse> {
  const answers = new Answers();
  return {
    definition: ConfigServiceService.getConfig,
    roles: READERS,
    handle(call, { userId }) {
      const settings = service.get(call, userId);
      return settings instanceof Promise ? settings.then((later) => answers.of(later)) : answers.of(settings);
    },
  };
}

/** Answers that are ready: each is encoded once, and so is what the users of a workspace share. */
class Answers {
  readonly #ready = new LRUCache<EffectiveSettings, EncodedMessage>({
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }) => bytes.length + 1,
  });
  readonly #parts = new WeakMap<EffectiveSetting, Uint8Array>();

  of(settings: EffectiveSettings): EncodedMessage {
    const ready = this.#ready.get(settings);
    if (ready !== undefined) return ready;
    // `repeated Setting settings = 1`, framed as memories are.
    const frames = new MemoryFrames();
    for (const each of settings) frames.add(this.#part(each));
    const answer = frames.finish();
    compressOnce(answer.bytes);
    this.#ready.set(settings, answer);
    return answer;
  }

  #part(each: EffectiveSetting): Uint8Array {
    const known = this.#parts.get(each);
    if (known !== undefined) return known;
    const part = Setting.encode(effectiveMessage(each)).finish();
    this.#parts.set(each, part);
    return part;
  }
}
