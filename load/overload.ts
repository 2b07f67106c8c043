/**
 * What three times the load does that a server can take: how much still goes well, and how soon the rest is refused.
 *
 *   node load/overload.ts [--rounds 3] [--seconds 5] [--times 3]
 *
 * Batches of a hundred memories, because a load generator on the same machine can offer three times as many of them
 * as the server commits without taking its processor away. First as many as go through a few callers who wait for each
 * other, which is the peak; then `times` as many a second from callers who do not wait, in turn. Needs ghz.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Scope } from '../src/server/domain/memory.ts';
import { BatchSaveMemoriesRequest } from '../src/shared/gen/memoryhub/v1/memory_service.ts';
import { quantile, ratioOf } from './alternate.ts';
import { findGhz, ghzRun } from './ghz.ts';
import { describeRun } from './report.ts';
import { scratchFile } from './scratch.ts';
import { startServer, writeMetadataFile } from './server.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    times: { type: 'string', default: '3' },
  },
});

const BATCH = BatchSaveMemoriesRequest.fromPartial({
  memories: Array.from({ length: 100 }, (_, n) => ({
    scope: Scope.WORKSPACE,
    category: 'decision',
    content: `Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze. Number ${n} of its batch.`,
    tags: ['deploy', 'load'],
  })),
});
const PEAK_GOAL = 0.8;
const REFUSED_GOAL_MS = 50;
/** Callers that do not wait for each other are as many as may be under way at once. */
const CALLERS = 1_500;

const ghz = findGhz();
if (ghz === undefined) throw new Error('ghz is not on PATH, and neither is Go to install it');
const target = await startServer();
try {
  // Ready-made bytes, without a request_id: ghz would take a core to make each message anew.
  const file = scratchFile('batch');
  writeFileSync(file, BatchSaveMemoriesRequest.encode(BATCH).finish());
  const call = ['--protoset', 'proto/memoryhub.binpb', '--call', 'memoryhub.v1.MemoryService/BatchSaveMemories'];
  const metadata = [...call, '--insecure', '--metadata-file', writeMetadataFile(target), '--binary-file', file];
  const time = ['--duration', `${flags.seconds}s`, '--duration-stop', 'wait'];
  const run = (...more: string[]) => ghzRun(ghz, 'batch', [...metadata, ...time, ...more, target.address]);
  await run('--concurrency', '8', '--connections', '4');

  const peaks: number[] = [];
  const goods: number[] = [];
  const refused: number[] = [];
  const others: Record<string, number> = {};
  for (let round = 0; round < Number(flags.rounds); round++) {
    const peak = await run('--concurrency', '8', '--connections', '4');
    peaks.push(peak.callsPerSecond);
    const rate = Math.ceil(peak.callsPerSecond * Number(flags.times));
    const over = await run(
      '--rps',
      `${rate}`,
      '--concurrency',
      `${CALLERS}`,
      '--connections',
      '16',
      '--timeout',
      '10s',
    );
    const { OK: fine = [], ResourceExhausted: turnedAway = [], ...rest } = over.latencies?.() ?? {};
    // By the time until the last one is answered: what was let in counts, however long it takes.
    goods.push(fine.length / (over.calls / over.callsPerSecond));
    refused.push(...turnedAway);
    for (const [status, latencies] of Object.entries(rest)) others[status] = (others[status] ?? 0) + latencies.length;
    console.log(
      `round ${round + 1}: peak ${peak.callsPerSecond.toFixed(0)}/s; offered ${rate}/s: ${fine.length} went well ` +
        `(p95 ${quantile(fine, 0.95).toFixed(0)} ms), ${turnedAway.length} were refused`,
    );
  }
  const { median, low, high } = ratioOf(goods, peaks);
  console.log(Object.values(describeRun()).join('; '));
  console.log(`goodput ${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)}) of the peak, goal ${PEAK_GOAL}`);
  if (refused.length > 0) {
    const [p50, p95] = [quantile(refused, 0.5), quantile(refused, 0.95)];
    console.log(`refused in ${p50.toFixed(1)} ms, 95 of 100 in ${p95.toFixed(1)} ms, goal ${REFUSED_GOAL_MS} ms`);
  }
  if (Object.keys(others).length > 0) console.log(`neither: ${JSON.stringify(others)}`);
} finally {
  await target.stop();
}
