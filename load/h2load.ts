import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { scratchFile } from './scratch.ts';

/** One unary call for h2load, which sends the same bytes again and again. */
export interface FixedCall {
  readonly address: string;
  /** "/package.Service/Method" */
  readonly path: string;
  readonly request: Uint8Array;
  /** "Bearer mh_..."; stays out of the arguments only as far as h2load lets us: it has no file for headers. */
  readonly authorization: string;
}

export function hasH2load(): boolean {
  return spawnSync('h2load', ['--version']).status === 0;
}

/**
 * Runs h2load with 4 connections of 16 calls at a time. It does not look at grpc-status: that the
 * call is answered well has to be seen before.
 *
 * @throws Error when a call failed
 */
export async function runH2load(call: FixedCall, seconds: number): Promise<{ units: number; seconds: number }> {
  const file = scratchFile('h2load-request');
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(call.request.byteLength, 1);
  writeFileSync(file, Buffer.concat([frame, call.request]));
  const headers = ['content-type: application/grpc', 'te: trailers', `authorization: ${call.authorization}`];
  const flags = ['-c', '4', '-m', '16', '-t', '1', '-D', String(seconds), '-d', file];
  for (const header of headers) flags.push('-H', header);
  const { stdout } = await promisify(execFile)('h2load', [...flags, `http://${call.address}${call.path}`]).catch(
    // The error quotes the arguments, and with them the key.
    ({ stderr }: { stderr: string }) => Promise.reject(new Error(`h2load: ${stderr}`)),
  );
  const [, succeeded = '0', failed = '0', errored = '0'] =
    /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(stdout) ?? [];
  if (succeeded === '0' || failed !== '0' || errored !== '0') throw new Error(`h2load: calls failed\n${stdout}`);
  return { units: Number(succeeded), seconds };
}
