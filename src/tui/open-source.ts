import { basename } from 'node:path';
import { findTarget } from '../shared/discovery.ts';
import type { MonitorArgs } from './args.ts';
import { serversOf } from './source/addresses.ts';
import { LiveSource } from './source/live.ts';
import { RecordingSource } from './source/recording.ts';
import { openRecording } from './source/recording-file.ts';
import { ReplaySource } from './source/replay.ts';
import { SeveralSource } from './source/several.ts';
import type { Source, SourceSettings } from './source/source.ts';

/** A file that is no recording, or cannot be one. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}

/**
 * Where the frames come from: a recording, a server, or several.
 *
 * @throws AddressError, RecordingError, KeyFileError, ClientTlsError
 */
export function openSource(args: MonitorArgs): Source {
  if (args.replay !== undefined) return replayOf(args.replay, args);
  const { keyFile, tls: choices } = args;
  const { address, credential, tls } = findTarget({ address: args.address, keyFile, tls: choices, key: 'operator' });
  const settings: SourceSettings = { intervalMs: args.intervalMs, detailMethods: [] };
  const open = (one: string, now: SourceSettings) =>
    new LiveSource({
      address: one,
      ...(credential && { credential }),
      ...(tls && { tls: { ...nameBehind(address), ...tls } }),
      settings: now,
    });
  const live = mayBeSeveral(address)
    ? new SeveralSource(address, { addresses: () => serversOf(address), open, settings })
    : open(address, settings);
  return args.record === undefined ? live : recordingOf(live, args.record);
}

function recordingOf(live: Source, path: string): Source {
  try {
    return new RecordingSource(live, path);
  } catch (error) {
    throw new RecordingError(`cannot record to ${path}: ${(error as Error).message}`);
  }
}

function replayOf(path: string, { once, snapshot, asserts, speed }: MonitorArgs): ReplaySource {
  try {
    const atOnce = once || snapshot !== undefined || asserts.length > 0;
    return new ReplaySource({ target: basename(path), messages: openRecording(path), speed: atOnce ? 0 : speed });
  } catch (error) {
    throw new RecordingError(`cannot replay ${path}: ${(error as Error).message}`);
  }
}

/** Servers that are dialled by the addresses of a name have certificates for the name. */
export function nameBehind(address: string): { serverName?: string } {
  if (!mayBeSeveral(address) || address.includes(',')) return {};
  return { serverName: address.slice(0, address.lastIndexOf(':')) };
}

/** A list, or a name that DNS may know several addresses of; an address in digits and this host are one server. */
function mayBeSeveral(address: string): boolean {
  return address.includes(',') || !/^(localhost|[\d.]+|\[[^\]]*\]):\d+$/.test(address);
}
