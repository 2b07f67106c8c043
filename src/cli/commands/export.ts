import type { Writable } from 'node:stream';
import { ExportFormat } from '../../shared/gen/memoryhub/v1/memory_service.ts';
import { defineCommand } from '../define-command.ts';
import { readExport } from '../export/read-export.ts';
import { WholeFile } from '../export/whole-file.ts';
import { CommandFailure } from '../failure.ts';
import { memoriesText, printJson } from '../output.ts';
import { type Progress, startProgress } from '../progress.ts';
import { connectionFlags, withHub } from '../session.ts';

const FORMATS = { jsonl: ExportFormat.JSONL, csv: ExportFormat.CSV, proto: ExportFormat.PROTO } as const;

export const exportCommand = defineCommand({
  command: 'export [filter]',
  describe: 'Write all memories, as they are at one moment, to standard output or --out',
  builder: (argv) =>
    connectionFlags(argv)
      .positional('filter', { type: 'string', default: '' })
      .option('format', { choices: ['jsonl', 'csv', 'proto'] as const, default: 'jsonl' as const })
      .option('out', { type: 'string', describe: 'Write this file; it appears once it is whole' })
      .option('show-deleted', { type: 'boolean', default: false })
      .option('reveal', { type: 'boolean', default: false, describe: 'Secrets in clear; goes into the audit trail' }),
  handler: (flags) =>
    withHub(flags, 'admin', async (hub) => {
      if (flags.json && flags.out === undefined)
        throw new CommandFailure('--json says how it went on standard output, so it needs --out', 2);
      const started = performance.now();
      const file = flags.out === undefined ? undefined : await WholeFile.open(flags.out);
      const output = (data: Uint8Array) => (file ? file.write(data) : write(process.stdout, data));
      const request = {
        filter: flags.filter,
        format: FORMATS[flags.format],
        showDeleted: flags.showDeleted,
        revealSensitive: flags.reveal,
      };
      let progress: Progress | undefined;
      const summary = await readExport(hub, request, {
        onHeader: (rowEstimate) => {
          progress ??= startProgress('export', rowEstimate);
        },
        onChunk: async (data, rows) => {
          await output(data);
          progress?.set(rows);
        },
      })
        .catch(async (error) => {
          await file?.discard();
          throw error;
        })
        .finally(() => progress?.stop());
      await file?.finish();
      const seconds = (performance.now() - started) / 1000;
      if (flags.json) printJson({ ...summary, seconds });
      else
        console.error(
          `Exported ${memoriesText(summary.count)} at revision ${summary.revision} in ${seconds.toFixed(1)} s.`,
        );
    }),
});

/** Waits until the output takes more, so that a slow reader slows the export and nothing piles up. */
function write(output: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
