import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { ProfileKind } from '../../shared/gen/memoryhub/v1/admin_service.ts';
import { RpcError } from '../../shared/rpc-error.ts';
import type { MemoryHub } from '../../shared/service-client.ts';
import { defineCommand } from '../define-command.ts';
import { CommandFailure } from '../failure.ts';
import { outputWidth, printable, printJson } from '../output.ts';
import { cpuSummary, eventsSummary, heapSummary } from '../profile/summary.ts';
import { connectionFlags, withHub } from '../session.ts';

const KINDS = {
  cpu: { kind: ProfileKind.CPU, summary: cpuSummary, suffix: 'cpuprofile' },
  heap: { kind: ProfileKind.HEAP, summary: heapSummary, suffix: 'heapsnapshot' },
  events: { kind: ProfileKind.EVENTS, summary: eventsSummary, suffix: 'jsonl' },
} as const;

/** Connections go round the workers: so many are tried until one is with the right one. */
const CONNECTIONS_MAX = 200;

export const profileCommand = defineCommand({
  command: 'profile <kind>',
  describe: 'Save a profile of the running server, and print what is at the top of it',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('kind', { choices: ['cpu', 'heap', 'events'] as const, demandOption: true })
      .option('seconds', { type: 'number', default: 10, describe: 'How long, 1 to 30; a heap is of one moment' })
      .option('worker', { type: 'number', default: 0, describe: 'Of this worker; else of whichever answers' })
      .option('out', { type: 'string', describe: 'The file; else memory-hub.KIND of the kind' })
      .option('include-content', {
        type: 'boolean',
        default: false,
        describe: 'Take a heap although it holds memory text and keys',
      }),
  handler: async (flags) => {
    const { kind, summary, suffix } = KINDS[flags.kind];
    const out = flags.out ?? `memory-hub.${suffix}`;
    const request = { kind, seconds: flags.seconds, worker: flags.worker, includeContent: flags.includeContent };
    let saved: Saved | undefined;
    for (let tried = 0; saved === undefined && tried < CONNECTIONS_MAX; tried++) {
      await withHub(flags, 'operator', async (hub) => {
        saved = await save(hub, request, out);
      });
    }
    if (saved === undefined) throw new CommandFailure(`no connection was with worker ${flags.worker}`);
    if (flags.json) printJson({ file: out, ...saved });
    else {
      const text = summary(await readFile(out, 'utf8'), outputWidth());
      console.log(
        `${printable(text, true)}\n\n${out}: ${saved.bytes} bytes of worker ${saved.worker}, pid ${saved.pid}`,
      );
    }
  },
});

interface Saved {
  readonly bytes: number;
  readonly worker: number;
  readonly pid: number;
}

/** Writes the file, which appears once it is whole; undefined when the connection is with another worker. */
async function save(
  hub: MemoryHub,
  request: Parameters<MemoryHub['admin']['captureProfile']>[0],
  out: string,
): Promise<Saved | undefined> {
  const part = `${out}.part`;
  // For its owner only: a heap holds what others wrote.
  await rm(part, { force: true });
  const file = createWriteStream(part, { mode: 0o600, flags: 'wx' });
  let saved: Saved = { bytes: 0, worker: 0, pid: 0 };
  try {
    for await (const { data, worker, pid } of hub.admin.captureProfile(request)) {
      saved = { bytes: saved.bytes + data.byteLength, worker, pid };
      if (!file.write(data)) await once(file, 'drain');
    }
    file.end();
    await finished(file);
    await rename(part, out);
    return saved;
  } catch (error) {
    file.destroy();
    await rm(part, { force: true });
    if (error instanceof RpcError && error.reason === 'OTHER_WORKER') return undefined;
    throw error;
  }
}
