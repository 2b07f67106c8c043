import { createHmac } from 'node:crypto';
import { ServiceError } from '../../domain/errors.ts';
import type { SealedRow } from '../../domain/sealing/sealed-values.ts';
import type { Sealer, SealInput } from '../../domain/sealing/sealer.ts';
import { openBytes, sealBytes } from './aead.ts';
import type { DataKeys, WorkspaceKeys } from './data-keys.ts';
import type { SealCache } from './seal-cache.ts';

const VERSION = 1;
const PREFIX_BYTES = 5;

/** Told how long each seal and open took, in microseconds. */
export interface SealTimes {
  seal(us: number): void;
  open(us: number): void;
}

/**
 * Seals values with the data key of their workspace. A ciphertext is base64 of: format (1 byte),
 * generation of the key (4, big-endian), nonce (12), ciphertext, tag (16); it is bound to all of its
 * place and to its own first five bytes.
 */
export class ValueSealer implements Sealer {
  readonly #keys: DataKeys;
  readonly #cache: SealCache;
  readonly #times: SealTimes;

  constructor(keys: DataKeys, cache: SealCache, times: SealTimes) {
    this.#keys = keys;
    this.#cache = cache;
    this.#times = times;
  }

  async seal(workspaceId: number, inputs: readonly SealInput[]): Promise<string[]> {
    if (inputs.length === 0) return [];
    const keys = await this.#keys.of(workspaceId);
    return inputs.map((input) => this.sealWith(keys, input));
  }

  get era(): number {
    return this.#cache.era;
  }

  async open(workspaceId: number, inputs: readonly SealInput[], era: number | undefined): Promise<string[]> {
    if (inputs.length === 0) return [];
    let keys = await this.#keys.of(workspaceId);
    const unknown = ({ text }: SealInput) => !keys.byGeneration.has(generationOf(text));
    if (inputs.some(unknown)) keys = await this.#keys.fresh(workspaceId);
    return inputs.map((input) => this.openWith(keys, input, era));
  }

  async digest(workspaceId: number, texts: readonly string[]): Promise<string[]> {
    if (texts.length === 0) return [];
    const { digestKey } = await this.#keys.of(workspaceId);
    return texts.map((text) => createHmac('sha256', digestKey).update(text).digest('base64url'));
  }

  /** Seals with keys that are at hand. */
  sealWith(keys: WorkspaceKeys, { row, key, text }: SealInput): string {
    const startedAt = performance.now();
    const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
    prefix.writeUInt8(VERSION, 0);
    prefix.writeUInt32BE(keys.newest, 1);
    const sealed = sealBytes(dataKey(keys, keys.newest), prefix, Buffer.from(text), boundTo(row, key, keys.newest));
    this.#times.seal((performance.now() - startedAt) * 1000);
    return sealed.toString('base64');
  }

  /** @throws ServiceError SEALED_VALUE_UNREADABLE */
  openWith(keys: WorkspaceKeys, { row, key, text }: SealInput, era: number | undefined): string {
    const startedAt = performance.now();
    const generation = generationOf(text);
    const context = boundTo(row, key, generation);
    const known = this.#cache.value(context, text);
    if (known !== undefined) return known;
    try {
      const opened = openBytes(dataKey(keys, generation), bytesOf(text), PREFIX_BYTES, context).toString();
      if (era === this.era) this.#cache.putValue(context, text, opened);
      return opened;
    } catch (cause) {
      throw new ServiceError('SEALED_VALUE_UNREADABLE', 'a sealed value does not open: it was damaged, or moved', {
        cause,
      });
    } finally {
      this.#times.open((performance.now() - startedAt) * 1000);
    }
  }
}

function boundTo({ workspaceId, kind, row }: SealedRow, key: string, generation: number): string {
  // The key is "VERSION NAME", and neither number, kind nor version has a NUL in it.
  return `memoryhub value ${VERSION}\0${generation}\0${workspaceId}\0${kind}\0${row}\0${key}`;
}

function dataKey(keys: WorkspaceKeys, generation: number): Uint8Array {
  const key = keys.byGeneration.get(generation);
  if (key === undefined) throw new Error(`there is no data key ${generation}`);
  return key;
}

/** 0 for what is no ciphertext. */
export function generationOf(sealed: string): number {
  const head = Buffer.from(sealed.slice(0, 8), 'base64');
  return head.length >= PREFIX_BYTES && head[0] === VERSION ? head.readUInt32BE(1) : 0;
}

/** Only base64 as we write it. */
function bytesOf(sealed: string): Buffer {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.toString('base64') !== sealed) throw new Error('not base64');
  return bytes;
}
